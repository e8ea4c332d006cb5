package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/host/conformance"
	"tuff/host/engine"
)

// tuner runs the program of one token of a model with kernels in several shapes.
type tuner struct {
	l        *loaded
	dev      *gpu.Device
	o        compute.Options
	session  *engine.Session
	step     *compute.Step
	cpu      compute.Device
	products [][]string // by group
	cases    []conformance.Case
	trials   []*trial // the first is as planned
	logits   []float64
}

// begin fills a context and runs the planned kernels.
func (t *tuner) begin(ctx context.Context) (err error) {
	if t.cpu, err = fallback.New(fallback.Options{}); err != nil {
		return err
	}
	if t.products, err = t.dev.Products(t.l.Program(), t.o); err != nil {
		return err
	}
	t.cases = tuneCases(t.l.Program())
	t.session = t.l.NewSession()
	if err := t.session.Eval(ctx, make([]int32, min(16, t.l.ContextLen()-1)), engine.WantNone, nil); err != nil {
		return err
	}
	if err := t.session.Step(t.step, []int32{0}, []int32{0}); err != nil {
		return err
	}
	planned, err := t.compile(ctx, nil, nil)
	if err != nil {
		return err
	}
	t.trials = append(t.trials, planned)
	t.logits, err = t.run(ctx, planned)
	return err
}

// tuneCases are quick cases of the multiplications of few rows in the formats of a program.
func tuneCases(p *compute.Program) []conformance.Case {
	formats := map[compute.DType]bool{}
	for i := range p.Tensors {
		if p.Tensors[i].Role == compute.Weight {
			formats[p.Tensors[i].DType] = true
		}
	}
	type key struct {
		op     string
		format compute.DType
	}
	seen := map[key]int{}
	var list []conformance.Case
	for _, c := range conformance.Cases() {
		k := key{c.Op, c.Format}
		if c.Quick && formats[c.Format] && strings.Contains(c.Name, "_r1_") && strings.Contains(c.Op, "matmul") && !strings.Contains(c.Op, "experts") && seen[k] < 2 {
			seen[k]++
			list = append(list, c)
		}
	}
	return list
}

// compile makes a trial of a shape, or of found shapes. The device is left as planned.
func (t *tuner) compile(ctx context.Context, few *kernel.Few, found kernel.Tuned) (*trial, error) {
	if few != nil {
		found = kernel.Tuned{kernel.AnyProduct: *few}
	}
	t.dev.SetTuned(found)
	defer t.dev.SetTuned(nil)
	exe, err := t.dev.Compile(ctx, t.l.Program(), t.o)
	if err != nil {
		return nil, err
	}
	return &trial{few: few, exe: exe, groups: make([][]float64, len(t.products))}, nil
}

// try checks a shape, and takes it among the trials if nothing is wrong with it.
func (t *tuner) try(ctx context.Context, few *kernel.Few) (wrong, err error) {
	t.dev.SetTuned(kernel.Tuned{kernel.AnyProduct: *few})
	defer t.dev.SetTuned(nil)
	for _, c := range t.cases {
		if r := c.Run(ctx, t.dev, t.cpu, conformance.Options{Math: t.o.Math}); r.Status == conformance.Failed {
			return fmt.Errorf("%v (%s): %w", c, strings.Join(r.Kernels, " "), r.Err), ctx.Err()
		}
	}
	tr, err := t.compile(ctx, few, nil)
	if err != nil {
		return nil, err
	}
	got, err := t.run(ctx, tr)
	if err == nil {
		wrong = sameLogits(got, t.logits, t.o.Math)
	}
	if err != nil || wrong != nil {
		return wrong, errors.Join(err, tr.exe.Close())
	}
	t.trials = append(t.trials, tr)
	return nil, nil
}

// sameLogits holds logits against those of the planned kernels: sums in another order differ by roundings only; in fast arithmetic
// one side or the other may take activations in int8.
func sameLogits(got, want []float64, arithmetic compute.Math) error {
	limit := 1e-6
	if arithmetic == compute.Fast {
		limit = 2e-3
	}
	var diff2, want2 float64
	for i, w := range want {
		diff2 += (got[i] - w) * (got[i] - w)
		want2 += w * w
	}
	if nmse := diff2 / want2; !(nmse <= limit) {
		return fmt.Errorf("logits: got a normalised mean squared error of %.3g against the planned kernels, want at most %g", nmse, limit)
	}
	return nil
}

// run runs a trial once and reads its logits.
func (t *tuner) run(ctx context.Context, tr *trial) ([]float64, error) {
	if err := tr.exe.Run(ctx, &compute.Call{Step: t.step}); err != nil {
		return nil, err
	}
	v, err := tr.exe.Locate(t.l.Model.Logits)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 4*t.l.Model.Width())
	if err := t.dev.Download(raw, v.Buffer, v.Offset); err != nil {
		return nil, err
	}
	logits := make([]float64, t.l.Model.Width())
	for i := range logits {
		logits[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return logits, nil
}

// round times every trial once.
func (t *tuner) round(ctx context.Context, counts bool) error {
	for _, tr := range t.trials {
		if err := tr.time(ctx, t.step, counts); err != nil {
			return err
		}
	}
	return nil
}

func (tr *trial) time(ctx context.Context, step *compute.Step, counts bool) error {
	var timing compute.Timing
	if err := tr.exe.Run(ctx, &compute.Call{Step: step, Timing: &timing}); err != nil || !counts {
		return err
	}
	groups, total := make([]float64, len(tr.groups)), 0.0
	for _, s := range timing.Spans {
		groups[s.Group] += (s.End - s.Begin).Seconds()
		total += (s.End - s.Begin).Seconds()
	}
	for g, s := range groups {
		tr.groups[g] = append(tr.groups[g], s)
	}
	tr.total = append(tr.total, total)
	return nil
}

// of is the time of all groups that a product is in.
func (tr *trial) of(product string, products [][]string) (seconds float64, groups int) {
	for g, list := range products {
		if slices.Contains(list, product) {
			seconds += median(tr.groups[g])
			groups++
		}
	}
	return seconds, groups
}

// judge fills the rows and returns the shapes that gain, by product.
func (t *tuner) judge(report *tuneReport) kernel.Tuned {
	found := kernel.Tuned{}
	var all []string
	for _, list := range t.products {
		for _, p := range list {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		row := tuneRow{Product: p}
		row.Planned, row.Groups = t.trials[0].of(p, t.products)
		row.Best = row.Planned
		for _, tr := range t.trials[1:] {
			if s, _ := tr.of(p, t.products); s < row.Best {
				row.Best, row.Shape = s, tr.few
			}
		}
		if row.Gain = row.Planned / row.Best; row.Gain < leastGain {
			row.Best, row.Gain, row.Shape = row.Planned, 1, nil
		}
		if row.Shape != nil {
			found[p] = *row.Shape
		}
		report.Rows = append(report.Rows, row)
	}
	slices.SortFunc(report.Rows, func(a, b tuneRow) int { return cmp.Compare(b.Planned, a.Planned) })
	return found
}

// together runs what was found against what was planned, in turns: gains of single products need not add up.
func (t *tuner) together(ctx context.Context, report *tuneReport, found kernel.Tuned, rounds int) error {
	tuned, err := t.compile(ctx, nil, found)
	if err != nil {
		return err
	}
	defer tuned.exe.Close()
	got, err := t.run(ctx, tuned)
	if err != nil {
		return err
	}
	if err := sameLogits(got, t.logits, t.o.Math); err != nil {
		return fmt.Errorf("tune: all shapes together: %w", err)
	}
	planned := &trial{exe: t.trials[0].exe, groups: make([][]float64, len(t.products))}
	for i := range rounds + 1 {
		if err := errors.Join(planned.time(ctx, t.step, i > 0), tuned.time(ctx, t.step, i > 0)); err != nil {
			return err
		}
	}
	report.Planned, report.Tuned = median(planned.total), median(tuned.total)
	return nil
}

func (t *tuner) close() error {
	var errs []error
	for _, tr := range t.trials {
		errs = append(errs, tr.exe.Close())
	}
	if t.session != nil {
		t.session.Close()
	}
	if t.cpu != nil {
		errs = append(errs, t.cpu.Close())
	}
	return errors.Join(errs...)
}
