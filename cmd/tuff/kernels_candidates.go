package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// candidateRow is one shape of a kernel at one size, beside those that it competes with.
type candidateRow struct {
	kernelRow
	Candidate string  `json:"candidate"`
	Choice    string  `json:"choice,omitempty"` // why plans of the row's arithmetic take it; "": they do not
	Source    string  `json:"source,omitempty"` // what that comes from: rule, vendor or tuned
	OfFastest float64 `json:"times_fastest"`    // its time over that of the fastest candidate
}

// sourceOf tells what a plan's reason comes from.
func sourceOf(why string) string {
	switch {
	case strings.Contains(why, "tuned: "):
		return "tuned"
	case strings.Contains(why, "as on other devices of "):
		return "vendor"
	}
	return "rule"
}

// candidatesOf are the shapes that an op of n rows can run in: those that tuff tune tries, of every kernel.
func candidatesOf(dev *gpu.Device, op string, n int) (list []shape) {
	if op == "matmul" && n == 1 {
		return fewStage(kernel.Fews(dev.Caps(), compute.Fast)).shapes
	}
	for _, c := range kernel.Classes {
		if c.Op != op || op == "matmul" && !c.Covers(n) || op == "attention" && (n <= 8) != (c.Rows == 1) {
			continue
		}
		for _, m := range kernel.Manys(dev.Caps(), c, compute.Fast, dev.Info().Kind == compute.Software) {
			list = append(list, shape{many: &m})
		}
		break
	}
	return list
}

// exactly reports whether a shape is of a kernel that multiplies in float32, which both arithmetics may take.
func (s shape) exactly() bool {
	if s.few != nil {
		return s.few.Kernel != "vec_int8"
	}
	return slices.Contains([]string{"matmul_vec", "matmul_lane", "matmul_tile", "attention_prefill", "attention_decode"}, s.many.Kernel)
}

// benchCandidates times every shape of an op's kernels, and what plans of both arithmetics take, with the reason. Those come from the
// plan's rules and the table of vendors, or from what tuff tune has found.
func (c *common) benchCandidates(ctx context.Context, dev *gpu.Device, op string, s *labShape) error {
	limits, err := limitsOf(ctx, dev)
	if err != nil {
		return err
	}
	contexts := []int{0}
	if op == "attention" {
		contexts = s.context
	}
	known := readTuned(dev.Info())
	bar := c.bar("kernels bench")
	var all []candidateRow
	for _, keys := range contexts {
		for _, n := range s.rows {
			var rows []candidateRow
			add := func(f found, math compute.Math, name string) error {
				dev.SetTuned(f.few)
				dev.SetTunedMany(f.many)
				row, err := c.benchShape(ctx, dev, op, s, n, keys, "", math)
				dev.SetTuned(nil)
				dev.SetTunedMany(nil)
				if err != nil {
					return err
				}
				row.limits(&limits)
				r := candidateRow{kernelRow: row, Candidate: name}
				if name == "" {
					r.Candidate, r.Choice, r.Source = "as planned", row.Why, sourceOf(row.Why)
				} else if !strings.Contains(row.Why, name) {
					return nil // the op's format or heads do not allow it
				}
				rows = append(rows, r)
				return nil
			}
			for _, math := range []compute.Math{compute.Exact, compute.Fast} {
				if err := add(known, math, ""); err != nil {
					return err
				}
			}
			list := candidatesOf(dev, op, n)
			for i, try := range list {
				bar.count(try.String(), i+1, len(list))
				math := compute.Fast
				if try.exactly() {
					math = compute.Exact
				}
				if err := add(everywhere(try), math, try.String()); err != nil {
					return err
				}
			}
			slices.SortStableFunc(rows, func(a, b candidateRow) int { return cmp.Compare(a.Seconds, b.Seconds) })
			for i := range rows {
				rows[i].OfFastest = rows[i].Seconds / rows[0].Seconds
			}
			all = append(all, rows...)
		}
	}
	bar.done()
	if c.json {
		return c.printJSON(all)
	}
	fmt.Fprintf(c.out, "measured limits: %s\n", limitsLine(&limits))
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SHAPE\tROWS\tKEYS\tCANDIDATE\tMATH\tKERNEL\tTIME\tOF FASTEST\tOF BANDWIDTH\tOF FLOP/s\tOF LIMIT\tCHOSEN BY\tWHY")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s µs\t%.2f ×\t%.1f %%\t%.1f %%\t%.1f %%\t%s\t%s\n", r.Shape, r.Rows, r.Keys, r.Candidate, r.Math, r.Kernel,
			micros(time.Duration(r.Seconds*1e9)), r.OfFastest, 100*r.OfBandwidth, 100*r.OfFLOPs, 100*r.OfLimit, r.Source, r.Choice)
	}
	return w.Flush()
}
