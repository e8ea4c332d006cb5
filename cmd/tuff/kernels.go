package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/conformance"
)

func newKernels() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernels list|test|bench|replay",
		Short: "The kernel lab: list, check and time the kernels of every op",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q, want list, test, bench or replay", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKernelsList(), newKernelsTest(), newKernelsBench(), newKernelsReplay())
	return cmd
}

// openLab opens the Vulkan device that the lab works on.
func (c *common) openLab() (*gpu.Device, error) {
	if c.device == "auto" || c.device == "cpu" {
		return nil, usageError{fmt.Errorf("--device: got %s, want gpu, gpu:N or part of a name", c.device)}
	}
	dev, err := gpu.Open(c.device, c.gpuOptions())
	if err != nil {
		return nil, err
	}
	c.taken(dev, "asked for "+c.device)
	if v, ok := readVerdict(verdictPath(dev.Info()), dev.Info()); ok {
		dev.Refuse(v.Refused)
	}
	return dev, nil
}

func (c *common) labFlags(cmd *cobra.Command) {
	c.outputFlags(cmd)
	cmd.Flags().StringVar(&c.device, "device", "gpu", "gpu, gpu:N or part of a device's name")
}

// testRow is the outcome of one op's cases with one variant.
type testRow struct {
	Op      string   `json:"op"`
	Variant string   `json:"variant,omitempty"` // forced; "": as planned
	Passed  int      `json:"passed"`
	Failed  []string `json:"failed,omitempty"`
	Worst   float64  `json:"worst_of_bound"`
	Seconds float64  `json:"seconds"`
}

func newKernelsTest() *cobra.Command {
	var c common
	var full, mutate bool
	var most int
	var variant, dir, format string
	cmd := &cobra.Command{
		Use:   "test [OP]",
		Short: "Check every op and variant against the CPU",
		Long: `Runs the conformance suite on the device: every op at sizes around every tile edge, every weight format, the fused forms,
and once more for each variant that a plan would not choose by itself. An element outside its proven bound, a NaN or an
element left unwritten is a failure. Exit code 3 when a case fails.

-o jsonl prints a line for every case, with the fields of llama.cpp's test-backend-ops.

--mutate tests the suite instead: it plants bugs in the kernels' sources one at a time, missing barriers, strides, tails and
masks that are off by one, and wants each found. Exit code 3 when one is not. It needs the source tree's folder shaders and a glslc.`,
		Example: "  tuff kernels test\n  tuff kernels test matmul --full\n  tuff kernels test attention --variant attention_split\n  tuff kernels test matmul_add --variant matmul_int8\n  tuff kernels test --mutate",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if mutate {
				return c.mutate(cmd, append(args, "")[0], dir)
			}
			if most < 0 {
				return usageError{fmt.Errorf("--cases: got %d, want no less than 0", most)}
			}
			if err := c.labFormat(&format); err != nil {
				return err
			}
			dev, err := c.openLab()
			if err != nil {
				return err
			}
			each := func(caseRecord) error { return nil }
			if format == "jsonl" {
				each = func(r caseRecord) error { return c.printLine(r) }
			}
			rows, err := c.testKernels(cmd, dev, append(args, "")[0], variant, full, most, each)
			if err = errors.Join(err, dev.Close()); err != nil {
				if len(rows) > 0 { // what ran before
					err = errors.Join(err, c.printTests(rows, format))
				}
				return err
			}
			return c.printTests(rows, format)
		},
	}
	c.labFlags(cmd)
	cmd.Flags().BoolVar(&full, "full", false, "every case, not only the quick ones")
	cmd.Flags().IntVar(&most, "cases", 0, "so many cases of each op and variant at most, evenly taken from all; 0: all")
	cmd.Flags().StringVar(&variant, "variant", "", "only this variant")
	cmd.Flags().StringVarP(&format, "output", "o", "table", strings.Join(labFormats, ", "))
	cmd.Flags().BoolVar(&mutate, "mutate", false, "plant bugs in the kernels and want each found")
	cmd.Flags().StringVar(&dir, "shaders", "shaders", "with --mutate: the folder shaders of the source tree")
	return cmd
}

func (c *common) testKernels(cmd *cobra.Command, dev *gpu.Device, op, variant string, full bool, most int, each func(caseRecord) error) ([]testRow, error) {
	type run struct {
		op, variant, stem string
		math              compute.Math
	}
	var runs []run
	var ops []string
	for _, k := range conformance.Cases() {
		if !slices.Contains(ops, k.Op) {
			ops = append(ops, k.Op)
		}
	}
	if op != "" && !slices.Contains(ops, op) {
		return nil, usageError{fmt.Errorf("got op %q, want one of %s", op, strings.Join(ops, ", "))}
	}
	for _, o := range ops {
		if (op == "" || o == op) && variant == "" {
			runs = append(runs, run{op: o})
		}
	}
	known := false
	for _, v := range dev.Variants() {
		// Ops with one variant have nothing to force.
		forced := strings.Count(fmt.Sprint(dev.Variants()), " "+v.Op+" ") > 1
		known = known || v.Name == variant
		switch {
		case v.Lacks != "" || !slices.Contains(ops, v.Op):
		case variant == v.Name && op != "": // fused forms too, which the variant is part of
			runs = append(runs, run{op, v.Name, v.Op, v.Math()})
		case variant == v.Name, variant == "" && forced && (op == "" || op == v.Op):
			runs = append(runs, run{v.Op, v.Name, v.Op, v.Math()})
		}
	}
	if variant != "" && (!known || runs == nil) {
		return nil, usageError{fmt.Errorf("got variant %q, want one that tuff kernels list shows for this device", variant)}
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return nil, err
	}
	bar := c.bar("kernels test")
	var rows []testRow
	for i, r := range runs {
		row := testRow{Op: r.op, Variant: r.variant}
		o := conformance.Options{Math: r.math}
		if r.variant != "" {
			o.Variant = map[string]string{r.stem: r.variant}
		}
		bar.count(strings.TrimSpace(r.op+" "+r.variant), i+1, len(runs))
		begun := time.Now()
		cases := slices.DeleteFunc(conformance.Cases(), func(k conformance.Case) bool { return k.Op != r.op || !full && !k.Quick || !k.In(r.math) })
		for _, k := range evenly(cases, most) {
			if err := cmd.Context().Err(); err != nil {
				err = fmt.Errorf("kernels test: stopped in front of %v%s, behind %d cases of it: %w", k, with(r.variant), row.Passed+len(row.Failed), err)
				return append(rows, row), errors.Join(err, cpu.Close())
			}
			at := time.Now()
			res := k.Run(cmd.Context(), dev, cpu, o)
			if err := each(recordOf(dev.Info(), res, o, r.variant, time.Since(at).Seconds())); err != nil {
				return nil, errors.Join(err, cpu.Close())
			}
			switch res.Status {
			case conformance.Passed:
				row.Passed++
				row.Worst = max(row.Worst, res.Worst)
			case conformance.Failed:
				row.Failed = append(row.Failed, res.String())
			}
		}
		row.Seconds = time.Since(begun).Seconds()
		rows = append(rows, row)
	}
	bar.done()
	return rows, cpu.Close()
}

// evenly takes n of a list, if it has more; 0: all.
func evenly[T any](list []T, n int) []T {
	if n == 0 || len(list) <= n {
		return list
	}
	some := make([]T, n)
	for i := range some {
		some[i] = list[i*len(list)/n]
	}
	return some
}

// with names a variant that was asked for.
func with(variant string) string {
	if variant == "" {
		return ""
	}
	return " with " + variant
}

func (c *common) printTests(rows []testRow, format string) error {
	passed, failed := 0, 0
	for _, r := range rows {
		passed += r.Passed
		failed += len(r.Failed)
	}
	switch format {
	case "jsonl": // printed as they ran
	case "json":
		if err := c.printJSON(rows); err != nil {
			return err
		}
	default:
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "OP\tVARIANT\tPASSED\tFAILED\tWORST OF BOUND\tSECONDS")
		for _, r := range rows {
			v := r.Variant
			if v == "" {
				v = "as planned"
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%.1f\n", r.Op, v, r.Passed, len(r.Failed), percent(r.Worst), r.Seconds)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		for _, r := range rows {
			for _, f := range r.Failed[:min(len(r.Failed), 5)] {
				fmt.Fprintln(c.out, f)
			}
		}
	}
	if failed > 0 {
		return gateError{fmt.Sprintf("kernels test: %d of %d cases failed", failed, passed+failed)}
	}
	if passed == 0 {
		return errors.New("kernels test: got no case to run")
	}
	c.note("%d cases passed", passed)
	return nil
}

// types are the weight formats by the names of --type.
func parseType(name string) (compute.DType, error) {
	var names []string
	for _, t := range compute.WeightFormats() {
		if strings.EqualFold(t.String(), name) {
			return t, nil
		}
		names = append(names, t.String())
	}
	return 0, usageError{fmt.Errorf("--type: got %q, want one of %s", name, strings.Join(names, ", "))}
}
