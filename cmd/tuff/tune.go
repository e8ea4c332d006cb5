package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/engine"
)

// tunedFile is what tune found for a device.
type tunedFile struct {
	cached
	Shapes kernel.Tuned `json:"shapes"`
}

func readTuned(info compute.Info) kernel.Tuned {
	var f tunedFile
	if info.Kind == compute.Host || !readCached(cachePath("tuned", info), &f) || f.cached != cachedFor(info) {
		return nil
	}
	return f.Shapes
}

// useTuned makes a device use what was found for it.
func (c *common) useTuned(dev *gpu.Device) *gpu.Device {
	if !c.untuned {
		dev.SetTuned(readTuned(dev.Info()))
	}
	return dev
}

// tuneRow is what was found for one product. Times are those of the groups of the program that it is in, for one token.
type tuneRow struct {
	Product string      `json:"product"`
	Groups  int         `json:"groups"`
	Planned float64     `json:"planned_seconds"`
	Best    float64     `json:"best_seconds"`
	Gain    float64     `json:"gain"` // planned / best
	Shape   *kernel.Few `json:"shape,omitempty"`
}

// tuneReport is all that tune has to say.
type tuneReport struct {
	Device  string    `json:"device"`
	Driver  string    `json:"driver"`
	Shapes  int       `json:"shapes"` // tried
	Refused []string  `json:"refused,omitempty"`
	Rows    []tuneRow `json:"products"`
	// What a token took of the device, as planned and as tuned, run in turns.
	Planned float64 `json:"planned_token_seconds"`
	Tuned   float64 `json:"tuned_token_seconds"`
	Kept    bool    `json:"kept"`
}

// leastGain is what a shape must gain over the planned one to be worth a note: less is within what runs differ by.
const leastGain = 1.03

func newTune() *cobra.Command {
	var c common
	var rounds int
	var dry, forget bool
	cmd := &cobra.Command{
		Use:   "tune",
		Short: "Find the fastest kernel shapes for a model's decoding on this device, and remember them",
		Long: `Decoding is a multiplication of one row by every matrix of the model. tune tries each shape of that kernel that the device can
run (weight rows of a workgroup, and how many invocations share them) in the model's own program: first against the CPU in
conformance cases and against the planned kernels' logits, then for time, all shapes in turns. What is faster by more than
3 % is remembered for this device, driver and version of the shaders, and used by every command that runs a model from
then on, also for other models with matrices of the same format and size. A shape that computes wrongly is refused and named.`,
		Example: "  tuff tune -m llama.gguf\n  tuff tune -m llama.gguf --device gpu:1 -r 20\n  tuff tune --forget",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rounds < 3 || rounds > 1000 {
				return usageError{fmt.Errorf("-r: got %d, want 3 to 1000", rounds)}
			}
			if forget {
				return c.forgetTuned()
			}
			c.untuned = true
			l, err := c.load(cmd.Context(), engine.Options{})
			if err != nil {
				return err
			}
			dev, ok := l.dev.(*gpu.Device)
			if !ok {
				return errors.Join(usageError{errors.New("--device: got the CPU, want a GPU: only kernels of GPUs have shapes")}, l.Close())
			}
			report, err := c.tune(cmd.Context(), l, dev, kernel.Fews(dev.Caps(), l.Math()), rounds, !dry)
			if err = errors.Join(err, l.Close()); err != nil {
				return err
			}
			return c.printTune(report, dry)
		},
	}
	c.modelFlags(cmd)
	cmd.Flags().StringVar(&c.device, "device", "gpu", "gpu, gpu:N or part of a device's name")
	c.mathFlags(cmd)
	cmd.Flags().IntVarP(&rounds, "repetitions", "r", 7, "measured runs of each shape; medians count")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "remember nothing")
	cmd.Flags().BoolVar(&forget, "forget", false, "forget what was found for the device")
	return cmd
}

func (c *common) forgetTuned() error {
	dev, err := c.openLab()
	if err != nil {
		return err
	}
	had := len(readTuned(dev.Info()))
	writeCached(cachePath("tuned", dev.Info()), tunedFile{cached: cachedFor(dev.Info())})
	c.note("shapes forgotten: %d", had)
	return dev.Close()
}

// trial is the model's program for one token with one shape in every multiplication.
type trial struct {
	few    *kernel.Few // nil: as planned
	exe    compute.Executable
	groups [][]float64 // seconds, by group and round
	total  []float64
}

// tune tries the shapes and, with keep, remembers what gains.
func (c *common) tune(ctx context.Context, l *loaded, dev *gpu.Device, shapes []kernel.Few, rounds int, keep bool) (_ *tuneReport, err error) {
	if err := l.wantText("tune"); err != nil {
		return nil, err
	}
	t := &tuner{l: l, dev: dev, step: new(compute.Step), o: l.CompileOptions(1)}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	info := dev.Info()
	report := &tuneReport{Device: info.Name, Driver: info.Driver, Shapes: len(shapes)}
	bar := c.bar("tune")
	defer bar.done()
	for i := range shapes {
		bar.count("checking "+shapes[i].String(), i+1, len(shapes))
		switch wrong, err := t.try(ctx, &shapes[i]); {
		case err != nil:
			return nil, err
		case wrong != nil:
			report.Refused = append(report.Refused, fmt.Sprintf("%v: %v", shapes[i], wrong))
		}
	}
	for i := range rounds + 1 { // the first warms caches
		bar.count("round", i, rounds)
		if err := t.round(ctx, i > 0); err != nil {
			return nil, err
		}
	}
	found := t.judge(report)
	if len(found) == 0 {
		report.Planned = median(t.trials[0].total)
		report.Tuned = report.Planned
		return report, nil
	}
	if err := t.together(ctx, report, found, rounds); err != nil {
		return nil, err
	}
	if report.Kept = keep && report.Tuned < report.Planned; report.Kept {
		all := kernel.Tuned{}
		maps.Copy(all, readTuned(info))
		for _, r := range report.Rows { // what no longer gains goes
			delete(all, r.Product)
		}
		maps.Copy(all, found)
		writeCached(cachePath("tuned", info), tunedFile{cachedFor(info), all})
	}
	return report, nil
}

// median of a list that it sorts.
func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func (c *common) printTune(r *tuneReport, dry bool) error {
	if c.json {
		return c.printJSON(r)
	}
	for _, why := range r.Refused {
		c.note("refused: %s", why)
	}
	fmt.Fprintf(c.out, "%d shapes tried on %s\n", r.Shapes, r.Device)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "PRODUCT\tGROUPS\tPLANNED\tBEST\tGAIN\tSHAPE\t")
	us := func(s float64) string { return micros(time.Duration(s*1e9)) + " µs" }
	for _, row := range r.Rows {
		shape := "as planned"
		if row.Shape != nil {
			shape = row.Shape.String()
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.2f ×\t%s\t\n", strings.ReplaceAll(row.Product, " ", "\u00a0"), row.Groups, us(row.Planned), us(row.Best), row.Gain, shape)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "a token: %s as planned, %s tuned\n", us(r.Planned), us(r.Tuned))
	switch {
	case r.Kept:
		fmt.Fprintln(c.out, "remembered: every command that runs a model uses it from now on (tuff tune --forget)")
	case dry:
		fmt.Fprintln(c.out, "nothing remembered: --dry-run")
	default:
		fmt.Fprintln(c.out, "nothing remembered: the planned shapes are as good")
	}
	return nil
}
