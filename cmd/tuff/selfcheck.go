package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// verdict is what the self-check said about a device. Refused variants are replaced in its plans; what fails all the same has no other
// kernel, and the device computes wrongly.
type verdict struct {
	cached
	Passed  int               `json:"passed"`
	Failed  []string          `json:"failed,omitempty"`
	Refused map[string]string `json:"refused,omitempty"` // variant → why
	Done    bool              `json:"done"`              // false: the check did not come to its end
	Took    time.Duration     `json:"took_ns"`
	When    time.Time         `json:"when"`
}

func (v *verdict) String() string {
	s := fmt.Sprintf("passed, %d cases", v.Passed)
	if len(v.Failed) > 0 {
		s = fmt.Sprintf("FAILED: %d of %d cases, first %s", len(v.Failed), v.Passed+len(v.Failed), v.Failed[0])
	}
	if len(v.Refused) > 0 {
		s += ", without " + strings.Join(slices.Sorted(maps.Keys(v.Refused)), ", ")
	}
	return s
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
// planned. A verdict about the same device, driver and shaders is remembered, and so is a variant whose check did not end because the
// driver crashed or lost the device: the next check leaves it out.
func selfCheck(ctx context.Context, dev *gpu.Device) (_ *verdict, err error) {
	info := dev.Info()
	path := verdictPath(info)
	known, ok := readVerdict(path, info)
	if ok {
		dev.Refuse(known.Refused)
		return known, nil
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	v := &verdict{cached: cachedFor(info), When: time.Now(), Refused: known.Refused}
	arithmetics := checkedMath(dev)
	if v.Refused == nil {
		v.Refused = map[string]string{}
	}
	variants := slices.DeleteFunc(dev.Variants(), func(k kernel.Variant) bool {
		out := !slices.Contains(arithmetics, k.Math())
		if out && k.Lacks == "" && k.Refused != "" {
			v.Refused[k.Name] = k.Refused // still not proven
		}
		return out
	})
	if err := v.checkVariants(ctx, dev, cpu, variants, path); err != nil {
		return nil, err
	}
	dev.Refuse(v.Refused)
	for _, math := range arithmetics {
		for _, c := range selfCheckCases(math) {
			if math == compute.Fast && !strings.Contains(c.Op, "matmul") || !c.In(math) {
				continue
			}
			r := c.Run(ctx, dev, cpu, conformance.Options{Math: math})
			switch r.Status {
			case conformance.Passed:
				v.Passed++
			case conformance.Failed:
				v.Failed = append(v.Failed, failure(r))
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	v.Took, v.Done = time.Since(v.When), true
	writeCached(path, v)
	return v, nil
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
func (c *common) checked(ctx context.Context, dev *gpu.Device) error {
	info := dev.Info()
	v, ok := readVerdict(verdictPath(info), info)
	if ok {
		dev.Refuse(v.Refused)
		return nil
	}
	if info.Kind == compute.Software {
		return nil
	}
	v, err := selfCheck(ctx, dev)
	if err == nil && (len(v.Failed) > 0 || len(v.Refused) > 0) {
		c.note("warning: self-check of %s: %v", info.Name, v)
	}
	return err
}
