package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// candidateRow is one shape of a kernel at one size, beside those that it competes with.
type candidateRow struct {
	kernelRow
	Candidate string `json:"candidate"`
	Choice    string `json:"choice,omitempty"` // why the plan takes it; "": it does not
}

// candidatesOf are the shapes that an op of n rows can run in: those that tuff tune tries.
func candidatesOf(dev *gpu.Device, op string, n int) (list []shape, use func(shape) found) {
	use = func(s shape) found {
		switch {
		case s.few != nil:
			return found{few: kernel.Tuned{kernel.AnyProduct: *s.few}}
		case s.many != nil:
			f := found{many: kernel.TunedMany{}}
			for _, c := range kernel.Classes {
				f.many[kernel.AnyProduct+c.Name] = *s.many
			}
			return f
		}
		return found{}
	}
	list = []shape{{}}
	if op == "matmul" && n == 1 {
		return append(list, fewStage(kernel.Fews(dev.Caps(), compute.Exact)).shapes...), use
	}
	want := map[bool]string{true: "attention_decode", false: "attention_prefill"}[n <= 8]
	if op == "matmul" {
		if want = "tile"; n <= 8 {
			return list, use
		}
	}
	for _, c := range kernel.Classes {
		if c.Kernel != want {
			continue
		}
		for _, m := range kernel.Manys(dev.Caps(), c, dev.Info().Kind == compute.Software) {
			list = append(list, shape{many: &m})
		}
		break
	}
	return list, use
}

// benchCandidates times every shape of an op's kernel and says which one the plan takes and why. The planned one comes from its rules
// and the table of vendors, or from what tuff tune has found.
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
	var all []candidateRow
	for _, keys := range contexts {
		for _, n := range s.rows {
			list, use := candidatesOf(dev, op, n)
			var rows []candidateRow
			for _, try := range list {
				f := use(try)
				if try == (shape{}) {
					f = known
				}
				dev.SetTuned(f.few)
				dev.SetTunedMany(f.many)
				row, err := c.benchShape(ctx, dev, op, s, n, keys, "", compute.Exact)
				dev.SetTuned(nil)
				dev.SetTunedMany(nil)
				if err != nil {
					return err
				}
				row.limits(&limits)
				r := candidateRow{kernelRow: row, Candidate: try.String()}
				if try == (shape{}) {
					r.Choice = row.Why
				}
				rows = append(rows, r)
			}
			slices.SortStableFunc(rows, func(a, b candidateRow) int { return cmp.Compare(a.Seconds, b.Seconds) })
			all = append(all, rows...)
		}
	}
	if c.json {
		return c.printJSON(all)
	}
	fmt.Fprintf(c.out, "measured limits: %s\n", limitsLine(&limits))
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SHAPE\tROWS\tKEYS\tCANDIDATE\tKERNEL\tTIME\tOF BANDWIDTH\tOF FLOP/s\tTHE PLAN'S CHOICE, AND WHY")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s µs\t%.1f %%\t%.1f %%\t%s\n", r.Shape, r.Rows, r.Keys, r.Candidate, r.Kernel, micros(time.Duration(r.Seconds*1e9)),
			100*r.OfBandwidth, 100*r.OfFLOPs, r.Choice)
	}
	return w.Flush()
}
