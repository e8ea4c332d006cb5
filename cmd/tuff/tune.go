package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/engine"
)

// tuneRow is what was found for one product. Times are those of the groups of the program that it is in, for one token.
type tuneRow struct {
	Product string       `json:"product"`
	Groups  int          `json:"groups"`
	Planned float64      `json:"planned_seconds"`
	Best    float64      `json:"best_seconds"`
	Gain    float64      `json:"gain"` // planned / best
	Shape   *kernel.Few  `json:"shape,omitempty"`
	Many    *kernel.Many `json:"many,omitempty"`
}

// tuneReport is all that tune has to say.
type tuneReport struct {
	Device  string     `json:"device"`
	Driver  string     `json:"driver"`
	Shapes  int        `json:"shapes"`         // tried
	Left    int        `json:"left,omitempty"` // shapes that an interruption or the budget left for the next run
	Refused []string   `json:"refused,omitempty"`
	Rows    []tuneRow  `json:"products"`
	Steps   []tuneStep `json:"steps"`
}

// add adds what became of a stage.
func (r *tuneReport) add(d stageDone) {
	r.Shapes += d.Shapes
	r.Refused = append(r.Refused, d.Refused...)
	if d.Step != nil {
		r.Rows, r.Steps = append(r.Rows, d.Rows...), append(r.Steps, *d.Step)
	}
}

// tuneStep is what a step of so many rows took of the device, as planned and as tuned, run in turns.
type tuneStep struct {
	Class   string  `json:"class,omitempty"` // what was tuned; "": the multiplications of one row
	Rows    int     `json:"rows"`
	Planned float64 `json:"planned_seconds"`
	Tuned   float64 `json:"tuned_seconds"`
	Kept    bool    `json:"kept"`
}

// what names the step for people.
func (s tuneStep) what() string {
	what := "a token"
	if s.Rows > 1 {
		what = fmt.Sprintf("%d tokens", s.Rows)
	}
	if s.Class != "" {
		what += " (" + s.Class + ")"
	}
	return what
}

// leastGain is what a shape must gain over the planned one to be worth a note: less is within what runs differ by.
const leastGain = 1.03

func newTune() *cobra.Command {
	var c common
	var rounds int
	var budget time.Duration
	var dry, forget bool
	cmd := &cobra.Command{
		Use:   "tune",
		Short: "Find the fastest kernel shapes for a model on this device, and remember them",
		Long: `Decoding is a multiplication of one row by every matrix of the model, and attention over the context; a prompt multiplies many
rows. tune tries what the device can run in the model's own program, in stages: weight rows of a workgroup and how many
invocations share them for one row, for 2 to 4 and for 5 to 8; for many rows the kernel (float32, half precision, packed bytes,
matrix units), then its tiles for 16, 64 and 512 rows; the tiles of experts for 64 and 512 tokens; for attention the kernel and
the pairs and keys of a workgroup. Logits are held against the planned kernels', then all shapes are timed in turns, and what wins is
held against the CPU in conformance cases. What is faster by more than 3 % is remembered for this device, driver and version of the
shaders, and used by every command that runs a model from then on, also for other models with matrices of the same format and size. A
shape that computes wrongly is refused and named. Stages share --budget: shapes that one's part of it does not reach, on drivers that
compile for seconds, are left, and their number is said. What a stage found is kept at its end, also if it is ended by the budget or by
Ctrl-C (a second one ends the program at once), and the next tune of the same model goes on with what was left. One that left
nothing is followed by one that begins anew, as behind --forget.`,
		Example: "  tuff tune -m llama.gguf\n  tuff tune -m llama.gguf --device gpu:1 -r 20\n  tuff tune --forget",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rounds < 3 || rounds > 1000 {
				return usageError{fmt.Errorf("-r: got %d, want 3 to 1000", rounds)}
			}
			if budget < 0 {
				return usageError{fmt.Errorf("--budget: got %v, want a time, or 0 for no limit", budget)}
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
			if err := timed(dev.Info()); err != nil {
				return errors.Join(err, l.Close())
			}
			report, err := c.tune(cmd.Context(), l, dev, stagesOf(dev, l.Math()), rounds, budget, !dry)
			if report != nil && len(report.Steps) > 0 { // even if it was interrupted
				err = errors.Join(err, c.printTune(report, dry))
			}
			return errors.Join(err, l.Close())
		},
	}
	c.modelFlags(cmd)
	cmd.Flags().StringVar(&c.device, "device", "gpu", "gpu, gpu:N or part of a device's name")
	c.mathFlags(cmd)
	cmd.Flags().IntVarP(&rounds, "repetitions", "r", 7, "measured runs of each shape; medians count")
	cmd.Flags().DurationVar(&budget, "budget", 10*time.Minute, "time for trying shapes, shared by the stages; 0: no limit")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "remember nothing")
	cmd.Flags().BoolVar(&forget, "forget", false, "forget what was found for the device")
	return cmd
}

func (c *common) forgetTuned() error {
	dev, err := c.openLab()
	if err != nil {
		return err
	}
	had := readTuned(dev.Info()).count()
	writeCached(cachePath("tuned", dev.Info()), tunedFile{cached: cachedFor(dev.Info())})
	c.note("shapes forgotten: %d", had)
	return dev.Close()
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
	if r.Left > 0 {
		fmt.Fprintf(c.out, "%d more are left: tuff tune goes on with them\n", r.Left)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "PRODUCT\tGROUPS\tPLANNED\tBEST\tGAIN\tSHAPE\t")
	us := func(s float64) string { return micros(time.Duration(s*1e9)) + " µs" }
	for _, row := range r.Rows {
		shape := "as planned"
		if row.Shape != nil {
			shape = row.Shape.String()
		} else if row.Many != nil {
			shape = row.Many.String()
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.2f ×\t%s\t\n", strings.ReplaceAll(row.Product, " ", "\u00a0"), row.Groups, us(row.Planned), us(row.Best), row.Gain, shape)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	kept := 0
	for _, st := range r.Steps {
		fmt.Fprintf(c.out, "%s: %s as planned, %s tuned\n", st.what(), us(st.Planned), us(st.Tuned))
		if st.Kept {
			kept++
		}
	}
	switch {
	case kept > 0:
		fmt.Fprintln(c.out, "remembered: every command that runs a model uses it from now on (tuff tune --forget)")
	case dry:
		fmt.Fprintln(c.out, "nothing remembered: --dry-run")
	default:
		fmt.Fprintln(c.out, "nothing remembered: the planned shapes are as good")
	}
	return nil
}
