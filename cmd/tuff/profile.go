package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/host/engine"
	"tuff/host/profile"
)

func newProfile() *cobra.Command {
	var c common
	var prompt, gen, runs int
	var trace string
	cmd := &cobra.Command{
		Use:   "profile [-m MODEL] [--trace FILE]",
		Short: "Where the time goes, kernel by kernel, against the device's limits",
		Long: `Runs a prompt and a generation with timing on and prints, prefill and decode apart: every kernel and shape with its
calls, time, share, bytes and operations per second as shares of the limits measured on this device; then the parts of
the wall time, host and gaps included, which must add up. Of an encoder there is the prompt only. --trace writes the timeline for ui.perfetto.dev.`,
		Example: `  tuff profile
  tuff profile -m llama.gguf --device gpu -p 512 -n 64 --trace trace.json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.ctx == 0 {
				c.ctx = prompt + gen
			}
			l, err := c.load(cmd.Context(), engine.Options{Chunk: max(prompt, 1)})
			if err != nil {
				return err
			}
			return errors.Join(profileModel(cmd, &c, l, prompt, gen, runs, trace), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	cmd.Flags().IntVarP(&prompt, "n-prompt", "p", 128, "prompt tokens")
	cmd.Flags().IntVarP(&gen, "n-gen", "n", 32, "generated tokens")
	cmd.Flags().IntVarP(&runs, "repetitions", "r", 3, "measured runs")
	cmd.Flags().StringVar(&trace, "trace", "", "write a Perfetto trace to this file")
	return cmd
}

func profileModel(cmd *cobra.Command, c *common, l *loaded, prompt, gen, runs int, trace string) error {
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = int32((i*7919 + 13) % l.Model.Config.VocabSize)
	}
	limits, err := limitsOf(cmd.Context(), l.dev)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	bar := c.bar("profile")
	rep, err := profile.Run(cmd.Context(), l.Engine, profile.Options{Prompt: ids, Generate: gen, Runs: runs, Limits: &limits,
		Progress: func(done, total int) { bar.count("run", done, total) }})
	bar.done()
	if err != nil {
		return err
	}
	if trace != "" {
		f, err := os.Create(trace)
		if err != nil {
			return fmt.Errorf("profile: write trace: %w", err)
		}
		if err := errors.Join(rep.WriteTrace(f), f.Close()); err != nil {
			return err
		}
		c.note("timeline in %s: open it at ui.perfetto.dev", trace)
	}
	if c.json {
		if err := c.printJSON(rep); err != nil {
			return err
		}
		return rep.Check()
	}
	printProfile(c, rep)
	return rep.Check()
}

func printProfile(c *common, r *profile.Report) {
	fmt.Fprintf(c.out, "%s on %s (%s), %s arithmetic\n", r.Model, r.Device, r.Driver, r.Math)
	if r.Limits.Bandwidth > 0 {
		fmt.Fprintf(c.out, "measured limits: %s; clock: %s\n", limitsLine(&r.Limits), r.Clock)
	}
	for _, g := range r.Regions {
		if g.Steps == 0 {
			continue
		}
		fmt.Fprintf(c.out, "\n%s: %d tokens in %d steps, %.1f tokens/s, %.0f dispatches and %.0f barriers a step\n", g.Name, g.Tokens, g.Steps,
			g.TokensPerSec, g.Dispatches, g.Barriers)
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
		matrix := r.Limits.MatrixFLOPs() > 0
		fmt.Fprint(w, "OP\tSHAPE\tKERNEL\tCALLS\tTIME\tSHARE\tµs/CALL (MIN–MAX)\tB/s\tOF LIMIT\tFLOP/s\tOF LIMIT\t", onlyIf(matrix, "OF MATRIX"), "BOUND BY\t\n")
		for _, o := range g.Ops {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%.1f %%\t%s (%s–%s)\t%s\t%.1f %%\t%s\t%.1f %%\t%s%s\t\n", o.Stem, o.Shape, o.Kernel, o.Calls,
				o.Time.Round(time.Microsecond), 100*o.Share, micros(o.Median), micros(o.Min), micros(o.Max), rate(o.BytesPerSec, "B/s"),
				100*o.OfBandwidth, rate(o.FLOPsPerSec, "FLOP/s"), 100*o.OfFLOPs, onlyIf(matrix, fmt.Sprintf("%.1f %%", 100*o.OfMatrix)), o.Limit())
		}
		w.Flush()
		fmt.Fprintln(c.out)
		w = tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		for _, p := range g.Parts {
			fmt.Fprintf(w, "  %s\t%v\t%.1f %%\t%s\n", p.Name, p.Time.Round(time.Microsecond), 100*p.Time.Seconds()/g.Wall.Seconds(), p.What)
		}
		fmt.Fprintf(w, "  sum\t%.1f %%\tof %v wall time\n", 100*g.Accounted, g.Wall.Round(time.Microsecond))
		w.Flush()
	}
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Nanoseconds())/1e3) }
