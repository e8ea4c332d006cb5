package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
)

// verdict is what the self-check said about a device.
type verdict struct {
	cached
	Passed int           `json:"passed"`
	Failed []string      `json:"failed,omitempty"`
	Took   time.Duration `json:"took_ns"`
	When   time.Time     `json:"when"`
}

func (v *verdict) String() string {
	if len(v.Failed) > 0 {
		return fmt.Sprintf("FAILED: %d of %d cases, first %s", len(v.Failed), v.Passed+len(v.Failed), v.Failed[0])
	}
	return fmt.Sprintf("passed, %d cases", v.Passed)
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

// selfCheck runs the cases on a device against the CPU. A verdict about the same device, driver and shaders is remembered.
func selfCheck(ctx context.Context, dev *gpu.Device) (*verdict, error) {
	info := dev.Info()
	path := verdictPath(info)
	if v, ok := readVerdict(path, info); ok {
		return v, nil
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return nil, err
	}
	v := &verdict{cached: cachedFor(info), When: time.Now()}
	arithmetics := []compute.Math{compute.Exact}
	if slices.ContainsFunc(dev.Variants(), func(v kernel.Variant) bool { return v.Math() == compute.Fast && v.Lacks == "" }) && info.Kind != compute.Software {
		arithmetics = append(arithmetics, compute.Fast) // which has kernels of its own there
	}
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
				v.Failed = append(v.Failed, fmt.Sprintf("%v (%s): %v", r.Case, strings.Join(r.Kernels, " "), r.Err))
			}
			if ctx.Err() != nil {
				return nil, errors.Join(ctx.Err(), cpu.Close())
			}
		}
	}
	v.Took = time.Since(v.When)
	writeCached(path, v)
	return v, cpu.Close()
}

func verdictPath(info compute.Info) string { return cachePath("selfcheck", info) }

func readVerdict(path string, info compute.Info) (*verdict, bool) {
	var v verdict
	if !readCached(path, &v) || v.cached != cachedFor(info) || v.Passed+len(v.Failed) == 0 {
		return nil, false
	}
	return &v, true
}
