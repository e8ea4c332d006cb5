package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tuff/fallback"
	"tuff/fallback/quant"
	"tuff/host/compare"
	"tuff/host/compute"
	"tuff/shaders"
)

func newKernelsReplay() *cobra.Command {
	var c common
	var variant, edited string
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Run one saved op again, without its model",
		Long: `Runs the ops that tuff compare saved with the inputs they had, on a device and on the CPU in exact arithmetic, and prints how far
each result is off: on the device that they were saved on with the kernels that were asked for there. --variant runs them with another kernel, --shaders with kernels that are edited in a copy of the folder shaders: the
quick way from a divergence to the line of a shader that makes it. Exit code 3 when a result is over its limit.`,
		Example: `  tuff compare --math exact --save bad.replay
  tuff kernels replay bad.replay
  tuff kernels replay bad.replay --shaders my-shaders
  tuff kernels replay bad.replay --variant matmul:matmul_tile_32`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := compare.ReadReplay(args[0])
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("math") {
				c.math = r.Math
			}
			s := c.newSetting(c.device)
			if variant != "" {
				if err := s.force(variant); err != nil {
					return fmt.Errorf("--variant: %w", err)
				}
			}
			if edited != "" {
				if err := s.edit(edited); err != nil {
					return fmt.Errorf("--shaders: %w", err)
				}
			}
			return s.edited.failed(s.replay(cmd, r))
		},
	}
	c.outputFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.device, "device", "gpu", "cpu, gpu, gpu:N or part of a device's name")
	f.StringVar(&c.math, "math", "", "fast or exact (default: as it was saved)")
	f.IntVarP(&c.threads, "threads", "t", 0, "CPU threads (default: all cores)")
	f.StringVar(&variant, "variant", "", "OP:VARIANT, as tuff kernels list shows them")
	f.StringVar(&edited, "shaders", "", "an edited copy of the folder shaders of the source tree")
	return cmd
}

// replayReport is the outcome for programs.
type replayReport struct {
	*compare.Replay
	Device string       `json:"device"`
	Rows   []compare.Op `json:"results"`
	Pass   bool         `json:"pass"`
}

func (c *setting) replay(cmd *cobra.Command, r *compare.Replay) (err error) {
	mode, err := c.mathMode()
	if err != nil {
		return err
	}
	dev, err := c.openDevice(cmd.Context(), c.device, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	cpu, err := fallback.New(fallback.Options{Threads: c.threads})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	if r.Shaders != "" && r.Shaders != shaders.Hash() && c.edited == nil {
		c.note("saved by a build with other kernels: what it found may be gone here")
	}
	if c.variant == nil && dev.Info().Name == r.A { // as it was asked for there
		c.variant = r.Variant
	}
	ops, err := r.Run(cmd.Context(), dev, cpu, compute.Options{Math: mode, Variant: c.variant}, compare.Options{Decode: quant.Decode, Encode: quant.Encode})
	if err != nil {
		return err
	}
	out := replayReport{Replay: r, Device: dev.Info().Name, Rows: ops, Pass: true}
	why := ""
	for i := range ops {
		if ops[i].Verdict != "ok" && out.Pass {
			out.Pass = false
			row, col := ops[i].Element()
			why = fmt.Sprintf("kernels replay: %s by %s: %s, element (%d, %d) is %.8g, want %.8g", ops[i].Tensor, ops[i].Kernel, ops[i].Verdict, row, col, ops[i].Isolated.Got, ops[i].Isolated.Want)
		}
	}
	if c.json {
		if err := c.printJSON(out); err != nil {
			return err
		}
	} else {
		c.printReplay(&out)
	}
	if !out.Pass {
		return gateError{why}
	}
	return nil
}

func (c *common) printReplay(r *replayReport) {
	fmt.Fprintf(c.out, "%s of %s, saved on %s (%s, %s arithmetic), %s: %s by %s\n\n", r.Label, r.Model, r.A, r.Driver, r.Math, r.Phase, r.Verdict, r.Kernel)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "RESULT\tKERNEL\tSHAPE\tOF BOUND\tNMSE\tMAX ULP\tNaN\tWORST AT\tGOT\tWANT\tVERDICT\t\n")
	for i := range r.Rows {
		op := &r.Rows[i]
		m := &op.Isolated
		row, col := op.Element()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2g\t%.3g\t%d\t(%d, %d)\t%.8g\t%.8g\t%s\t\n", op.Tensor, op.Kernel, op.Shape(), percent(m.Bound), m.NMSE, m.MaxULP, m.NaN+m.Inf, row, col, m.Got, m.Want, op.Verdict)
	}
	w.Flush()
}
