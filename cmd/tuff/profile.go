package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/host/compute"
	"tuff/host/engine"
	"tuff/host/profile"
)

// profiling holds the flags of profile.
type profiling struct {
	common
	prompt, gen, runs  int
	trace, html, pprof string
	overhead           bool
	maxRegress         float64
}

func newProfile() *cobra.Command {
	var c profiling
	var diff bool
	cmd := &cobra.Command{
		Use:   "profile [-m MODEL] [--html FILE] [--trace FILE] [--diff A B]",
		Short: "Where the time goes, kernel by kernel, against the device's limits",
		Long: `Runs a prompt and a generation with timing on and prints, prefill and decode apart: every kernel and shape with its
calls, time, share, bytes and operations per second as shares of the limits measured on this device; then the parts of
the wall time, host and gaps included, which must add up, and what to try. Of an encoder there is the prompt only.

--html writes one file with roofline, timeline, shares and distributions; --trace the timeline for ui.perfetto.dev; --pprof the
device's time for go tool pprof.

--diff takes two profiles and says of every op whether B is faster or slower, or that there is no evidence. A and B are files of
profile --json, or settings that are run here, in turns: a device, and behind commas math=exact, kv=q8_0, untuned,
variant=OP:VARIANT or shaders=FOLDER (an edited copy of the folder shaders, compiled as it is needed). Exit code 3 when a phase is
slower by more than --max-regress, with evidence.`,
		Example: `  tuff profile --html profile.html
  tuff profile -m llama.gguf --device gpu -p 512 -n 64 --trace trace.json
  tuff profile --diff -r 9 gpu gpu,variant=attention:attention_split
  tuff profile --diff -r 9 gpu gpu,shaders=my-shaders
  tuff profile -r 9 --json > before.json && tuff profile --diff before.json after.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if diff && len(args) != 2 {
				return usageError{fmt.Errorf("profile --diff: got %d arguments, want A and B", len(args))}
			}
			if !diff {
				return usage(cobra.NoArgs)(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.chooseFormat(); err != nil {
				return err
			}
			if diff {
				return c.diff(cmd, args[0], args[1])
			}
			l, err := c.loadProfiled(cmd, &c.common)
			if err != nil {
				return err
			}
			return errors.Join(c.profileModel(cmd, l), l.Close())
		},
	}
	c.modelFlags(cmd)
	c.deviceFlags(cmd)
	f := cmd.Flags()
	f.IntVarP(&c.prompt, "n-prompt", "p", 128, "prompt tokens")
	f.IntVarP(&c.gen, "n-gen", "n", 32, "generated tokens")
	f.IntVarP(&c.runs, "repetitions", "r", 3, "measured runs; --diff needs at least 5 of each")
	f.StringVar(&c.trace, "trace", "", "write a Perfetto trace to this file")
	f.StringVar(&c.html, "html", "", "write a report with figures to this file")
	f.StringVar(&c.pprof, "pprof", "", "write the device's time for go tool pprof to this file")
	c.formatFlag(cmd)
	f.BoolVar(&c.overhead, "overhead", true, "repeat every run without timing, to say what timing costs")
	f.BoolVar(&diff, "diff", false, "compare two profiles or settings, A and B")
	f.Float64Var(&c.maxRegress, "max-regress", 0.02, "with --diff: share of time that a phase may take more in B")
	return cmd
}

// loadProfiled loads the model on the device of o, which is c or a setting of a diff.
func (c *profiling) loadProfiled(cmd *cobra.Command, o *common) (*loaded, error) {
	if o.ctx == 0 {
		o.ctx = c.prompt + c.gen
	}
	o.inspect = true
	return o.load(cmd.Context(), engine.Options{Chunk: max(c.prompt, 1)})
}

// options are those of a profile of l.
func (c *profiling) options(cmd *cobra.Command, l *loaded) (profile.Options, error) {
	o := profile.Options{Prompt: make([]int32, c.prompt), Generate: c.gen, Runs: c.runs, Overhead: c.overhead}
	for i := range o.Prompt {
		o.Prompt[i] = int32((i*7919 + 13) % l.Model.Config.VocabSize)
	}
	limits, err := limitsOf(cmd.Context(), l.dev)
	if err != nil {
		return o, fmt.Errorf("profile: %w", err)
	}
	o.Limits, o.Peak = &limits, func(kernel string, l *compute.Limits) (string, float64) {
		tier := tierOf(kernel)
		return tier, peakOf(tier, l)
	}
	return o, nil
}

func (c *profiling) profileModel(cmd *cobra.Command, l *loaded) error {
	o, err := c.options(cmd, l)
	if err != nil {
		return err
	}
	bar := c.bar("profile")
	o.Progress = func(done, total int) { bar.count("run", done, total) }
	rep, err := profile.Run(cmd.Context(), l.Engine, o)
	bar.done()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path  string
		write func(io.Writer) error
		what  string
	}{{c.trace, rep.WriteTrace, "timeline in %s: open it at ui.perfetto.dev"}, {c.html, rep.WriteHTML, "report in %s: open it in a browser"},
		{c.pprof, rep.WritePprof, "device time in %s: go tool pprof -http : %[1]s"}} {
		if f.path == "" {
			continue
		}
		if err := writeReport(f.path, f.write); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		c.note(f.what, f.path)
	}
	switch c.format {
	case "json":
		err = c.printJSON(rep)
	case "csv":
		err = rep.WriteCSV(c.out)
	case "md":
		err = rep.WriteMarkdown(c.out)
	default:
		printProfile(&c.common, rep)
	}
	return errors.Join(err, rep.Check())
}

// writeReport writes a file that a report makes.
func writeReport(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

func printProfile(c *common, r *profile.Report) {
	fmt.Fprintf(c.out, "%s on %s (%s), %s arithmetic\n", r.Model, r.Device, r.Driver, r.Math)
	if r.Limits.Bandwidth > 0 {
		fmt.Fprintf(c.out, "measured limits: %s; clock: %s\n", limitsLine(&r.Limits), r.Clock)
	}
	if !r.Told && r.Kind != compute.Host.String() {
		fmt.Fprintln(c.out, profile.NotTold)
	}
	for _, g := range r.Regions {
		if g.Steps == 0 {
			continue
		}
		fmt.Fprintf(c.out, "\n%s: %d tokens in %d steps, %.1f tokens/s%s, %.0f dispatches and %.0f barriers a step\n", g.Name, g.Tokens, g.Steps,
			g.TokensPerSec, g.Spread(), g.Dispatches, g.Barriers)
		asked := g.Asked()
		w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(w, "OP\tSHAPE\tKERNEL\tCALLS\tTIME\tSHARE\tµs/CALL (MIN–MAX)\tB/s\tOF LIMIT\tFLOP/s\tOF LIMIT\tARITHMETIC\tBOUND BY\tGAP µs\t", onlyIf(asked, "BYTES ASKED/MUST\tFLOPs DONE/MUST"), onlyIf(r.Told, "REGISTERS\tSPILLS\tSUBGROUPS"), "\n")
		for _, o := range g.Ops {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%.1f %%\t%s (%s–%s)\t%s\t%.1f %%\t%s\t%.1f %%\t%s\t%s\t%.1f\t%s%s\n", o.Stem, o.Shape, o.Kernel, o.Calls,
				o.Time.Round(time.Microsecond), 100*o.Share, micros(o.Median), micros(o.Min), micros(o.Max), rate(o.BytesPerSec, "B/s"),
				100*o.OfBandwidth, rate(o.FLOPsPerSec, "FLOP/s"), 100*o.OfPeak, o.Tier, o.Limit(),
				float64((o.GapBarrier+o.GapLaunch).Nanoseconds())/1e3/float64(o.Calls),
				onlyIf(asked, profile.Times(o.Again())+"\t"+profile.Times(o.Padded())), onlyIf(r.Told, o.Registers()+"\t"+o.Spills()+"\t"+o.Occupancy()))
		}
		w.Flush()
		fmt.Fprintln(c.out)
		w = tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
		for _, p := range g.Parts {
			fmt.Fprintf(w, "  %s\t%v\t%.1f %%\t%s\n", p.Name, p.Time.Round(time.Microsecond), 100*p.Time.Seconds()/g.Wall.Seconds(), p.What)
		}
		fmt.Fprintf(w, "  sum\t%.1f %%\tof %v wall time\n", 100*g.Accounted, g.Wall.Round(time.Microsecond))
		w.Flush()
		if g.Untimed > 0 {
			fmt.Fprintf(c.out, "  timing costs %.1f %%: %.1f tokens/s without\n", 100*g.Overhead, g.Untimed)
		}
	}
	if len(r.Advice) > 0 {
		fmt.Fprintln(c.out, "\nwhat to try:")
	}
	for _, a := range r.Advice[:min(len(r.Advice), 5)] {
		fmt.Fprintf(c.out, "  %s, up to %.0f %%: %s\n    %s (%s)\n", a.Phase, 100*a.Gain, a.What, a.Command, a.Because)
	}
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Nanoseconds())/1e3) }
