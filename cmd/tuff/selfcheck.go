package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/host/weights"
)

// firstBudget is what a first start gives to the self-check beside the compiling of kernels. What is left runs at the next start; tuff devices
// --check runs all of it.
const firstBudget = 2 * time.Second

// verdict is what the self-check said about a device. Refused variants are replaced in its plans; what fails all the same has no other
// kernel, and the device computes wrongly.
type verdict struct {
	cached
	Passed   int               `json:"passed"`
	Failed   []string          `json:"failed,omitempty"`
	Refused  map[string]string `json:"refused,omitempty"` // variant → why
	Waiting  []string          `json:"waiting,omitempty"` // variants that are left out until they are checked
	Left     int               `json:"left,omitempty"`    // cases that the budget did not reach
	Ran      map[string]bool   `json:"ran,omitempty"`     // the others, while some are left
	Running  []string          `json:"running,omitempty"` // variants under way: a file that says so was left by a process that ended there
	Done     bool              `json:"done"`              // every case ran
	Took     time.Duration     `json:"took_ns"`           // of it, with all starts together
	Compiled time.Duration     `json:"compiled_ns"`       // of it, compiling kernels
	When     time.Time         `json:"when"`
}

func (v *verdict) String() string {
	s := fmt.Sprintf("passed, %d cases", v.Passed)
	if len(v.Failed) > 0 {
		s = fmt.Sprintf("FAILED: %d of %d cases, first %s", len(v.Failed), v.Passed+len(v.Failed), v.Failed[0])
	}
	if v.Left > 0 {
		s += fmt.Sprintf(" so far, %d left for the next start", v.Left)
	}
	if v.Took > 0 {
		s += fmt.Sprintf(", in %v and %v of compiling", (v.Took - v.Compiled).Round(10*time.Millisecond), v.Compiled.Round(10*time.Millisecond))
	}
	if out := v.out(); len(out) > 0 {
		s += ", without " + strings.Join(slices.Sorted(maps.Keys(out)), ", ")
	}
	return s
}

// out are the variants that plans leave out, with the reasons.
func (v *verdict) out() map[string]string {
	out := maps.Clone(v.Refused)
	for _, name := range v.Waiting {
		if out == nil {
			out = map[string]string{}
		}
		out[name] = "not checked yet: the next start does it, or tuff devices --check"
	}
	return out
}

// selfCheckCases picks one short case per op and weight format: enough to see a driver that computes wrongly, in a second
// or two. In fast arithmetic multiplications have kernels of their own for up to 8, up to 64 and more rows: one of each. The
// full suite is tuff kernels test.
func selfCheckCases(math compute.Math) []conformance.Case {
	type key struct {
		op         string
		format     compute.DType
		some, many bool // rows
	}
	seen := map[key]int{}
	var list []conformance.Case
	for _, c := range conformance.Cases() {
		k := key{op: c.Op, format: c.Format}
		if math == compute.Fast {
			k.some, k.many = c.Rows > 8, c.Rows > 64
		}
		if c.Quick && seen[k] < 2 && c.Op != "program" {
			seen[k]++
			list = append(list, c)
		}
	}
	return list
}

// selfCheck runs every variant that the device could use against the CPU, has its plans do without those that fail, and then every op as
// planned. A verdict about the same device, driver and shaders is remembered. With a budget the check stops there, and goes on at the next
// call: variants that it did not reach are left out meanwhile, and what a model of these formats needs comes first.
func selfCheck(ctx context.Context, dev *gpu.Device, budget time.Duration, formats []compute.DType) (_ *verdict, err error) {
	info := dev.Info()
	path := verdictPath(info)
	known, ok := readVerdict(path, info)
	if ok {
		dev.Refuse(known.Refused)
		return known, nil
	}
	known.cached, known.When = cachedFor(info), time.Now()
	k, err := newChecker(dev, known, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	v, arithmetics := k.v, checkedMath(dev)
	variants := slices.DeleteFunc(dev.Variants(), func(k kernel.Variant) bool {
		out := !slices.Contains(arithmetics, k.Math())
		if out && k.Lacks == "" && k.Refused != "" {
			v.Refused[k.Name] = k.Refused // still not proven
		}
		return out
	})
	list := needed(variantJobs(variants, info.Kind), formats)
	left, err := k.run(ctx, list, budget*6/10)
	if err != nil {
		return nil, err
	}
	v.Waiting = waiting(left)
	dev.Refuse(v.out())
	var ops []job
	for _, math := range arithmetics {
		for _, c := range selfCheckCases(math) {
			if (math == compute.Exact || strings.Contains(c.Op, "matmul")) && c.In(math) {
				ops = append(ops, job{c: c, math: math})
			}
		}
	}
	more, err := k.run(ctx, needed(ops, formats), budget)
	if err != nil {
		return nil, err
	}
	if v.Left = len(left) + len(more); v.Left == 0 {
		v.Done, v.Ran = true, nil
	}
	writeCached(path, v)
	return v, nil
}

// needed puts first what a model of these formats runs.
func needed(list []job, formats []compute.DType) []job {
	slices.SortStableFunc(list, func(a, b job) int {
		return cmp.Compare(b.of(formats), a.of(formats))
	})
	return list
}

// checkedMath are the arithmetics that a device is checked in: fast too, where hardware has kernels of its own for it.
func checkedMath(dev *gpu.Device) []compute.Math {
	math := []compute.Math{compute.Exact}
	fast := slices.ContainsFunc(dev.Variants(), func(v kernel.Variant) bool { return v.Math() == compute.Fast && v.Lacks == "" })
	if fast && dev.Info().Kind != compute.Software {
		math = append(math, compute.Fast)
	}
	return math
}

func failure(r conformance.Result) string {
	return fmt.Sprintf("%v (%s): %v", r.Case, strings.Join(r.Kernels, " "), r.Err)
}

func verdictPath(info compute.Info) string { return cachePath("selfcheck", info) }

// readVerdict is the verdict about a device, and whether it is a whole one.
func readVerdict(path string, info compute.Info) (*verdict, bool) {
	var v verdict
	if !readCached(path, &v) || v.cached != cachedFor(info) {
		return new(verdict), false
	}
	return &v, v.Done && v.Passed+len(v.Failed) > 0
}

// checked has a device that was asked for do without what its self-check refused. Hardware that was never checked is checked now.
func (c *common) checked(ctx context.Context, dev *gpu.Device, f *weights.File) error {
	info := dev.Info()
	v, ok := readVerdict(verdictPath(info), info)
	if ok {
		dev.Refuse(v.Refused)
		return nil
	}
	if info.Kind == compute.Software || info.Emulated {
		return nil
	}
	v, err := selfCheck(ctx, dev, firstBudget, formatsOf(f))
	if err == nil && (len(v.Failed) > 0 || len(v.out()) > 0) {
		c.note("warning: self-check of %s: %v", info.Name, v)
	}
	return err
}

// formatsOf are the weight formats of a model; none without one.
func formatsOf(f *weights.File) (list []compute.DType) {
	if f == nil {
		return nil
	}
	for _, t := range f.Tensors() {
		if !slices.Contains(list, t.DType) {
			list = append(list, t.DType)
		}
	}
	return list
}
