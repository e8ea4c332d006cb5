package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/profile"
)

// builtRow is what the driver says of a kernel, with the numbers of rows whose steps run it.
type builtRow struct {
	compute.Built
	Rows []int `json:"rows"`
}

// listBuilt has the driver compile what a model runs in steps of so many rows, and prints what it says of each kernel.
func (c *common) listBuilt(ctx context.Context, dev *gpu.Device, rows []int) error {
	p, o, err := c.programOf(ctx, dev, slices.Max(rows), 0)
	if err != nil {
		return err
	}
	o.Progress = c.compiling()
	list := []builtRow{}
	at := map[string]int{}
	for _, n := range rows {
		built, err := dev.Build(ctx, p, o, kernel.Shape{Tokens: n, Outputs: 1, Seqs: 1})
		if err != nil {
			return err
		}
		for _, b := range built {
			key := fmt.Sprint(b) // kernels of one name may differ in constants that it does not have
			if i, ok := at[key]; !ok {
				at[key] = len(list)
				list = append(list, builtRow{b, []int{n}})
			} else if !slices.Contains(list[i].Rows, n) {
				list[i].Rows = append(list[i].Rows, n)
			}
		}
	}
	if c.json {
		return c.printJSON(list)
	}
	told := func(b builtRow) bool { return len(b.Statistics) > 0 }
	if !slices.ContainsFunc(list, told) {
		fmt.Fprintln(c.out, profile.NotTold)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KERNEL\tROWS\tREGISTERS\tSPILLS\tOCCUPANCY")
	for _, r := range list {
		o := profile.Op{Built: []compute.Built{r.Built}}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Kernel, commas(r.Rows), o.Registers(), o.Spills(), o.Occupancy())
	}
	return w.Flush()
}
