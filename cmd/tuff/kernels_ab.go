package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"tuff/fallback"
	"tuff/gpu"
	"tuff/host/compute"
	"tuff/host/profile"
)

// sideRow is one shape on both sides.
type sideRow struct {
	Op     string         `json:"op"`
	Shape  string         `json:"shape"`
	Rows   int            `json:"rows"`
	Keys   int            `json:"keys,omitempty"`
	Copies int            `json:"copies"` // of what is read, taking turns: 1 is warm caches
	Change profile.Change `json:"change"` // seconds, kernels and verdict
	Wrong  string         `json:"wrong,omitempty"`
}

// wrongVerdict stands where a side computes wrongly: nobody wants to know how fast.
const wrongVerdict = "wrong"

// shapes are what is timed: the one given, or the parts of a model's program, with every context and state of the caches.
func (s *labShape) shapes(ctx context.Context, c *common, dev *gpu.Device, op string) (list []labShape, err error) {
	contexts := s.context
	if len(contexts) == 0 || len(s.rows) == 0 {
		return nil, usageError{errors.New("--rows, --context: got none, want at least one of each")}
	}
	add := func(at labShape, attends bool) {
		if !attends {
			list = append(list, at)
			return
		}
		list = append(list, spread([]labShape{at}, contexts, func(s *labShape, keys int) { s.keys = keys })...)
	}
	if c.model == "" {
		add(*s, op == "attention")
	} else {
		parts, err := c.partsOf(ctx, dev, op, slices.Max(s.rows), max(slices.Max(contexts), slices.Max(s.rows)))
		if err != nil {
			return nil, err
		}
		for i := range parts {
			at := *s
			at.part = &parts[i]
			add(at, parts[i].attends())
		}
	}
	if s.caches == "both" {
		list = spread(list, []bool{false, true}, func(s *labShape, cold bool) { s.cold = cold })
	}
	return list, nil
}

// spread is every shape with every value.
func spread[T any](list []labShape, values []T, set func(*labShape, T)) (all []labShape) {
	for _, s := range list {
		for _, v := range values {
			set(&s, v)
			all = append(all, s)
		}
	}
	return all
}

// benchSides sets --a and --b against each other at every shape.
func (c *common) benchSides(ctx context.Context, op string, s *labShape, all []labShape) (err error) {
	var sides [2]*labSide
	for i, text := range []string{s.a, s.b} {
		side, err := parseSide(text)
		if err != nil {
			return err
		}
		if err := side.open(c); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, side.dev.Close()) }()
		sides[i] = side
	}
	cpu, err := fallback.New(fallback.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	var rows []sideRow
	bar := c.bar("kernels bench")
	for i := range all {
		for j, n := range s.rows {
			bar.count("shape", i*len(s.rows)+j+1, len(all)*len(s.rows))
			row, err := benchBoth(ctx, sides, cpu, op, &all[i], n)
			if err != nil {
				return err
			}
			rows = append(rows, *row)
		}
	}
	bar.done()
	if err := c.printSides(rows, sides, s); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Wrong != "" {
			return gateError{"kernels bench: " + r.Wrong}
		}
	}
	return nil
}

// check runs the quick cases of a shape's ops on a side: those of the ops one by one, and as they are fused.
func (s *labShape) check(ctx context.Context, side *labSide, cpu compute.Device, op string) (string, error) {
	stems, formats := []string{op}, []compute.DType{compute.F16} // of attention's cache
	if s.part != nil {
		stems, formats = s.part.stems, s.part.formats()
		if len(s.part.ops) > 1 {
			stems = append(slices.Clone(stems), s.part.stem)
		}
	} else if op == "matmul" {
		t, err := parseType(s.typ)
		if err != nil {
			return "", err
		}
		formats = []compute.DType{t}
	}
	for _, stem := range stems {
		if why, err := side.check(ctx, cpu, stem, formats); why != "" || err != nil {
			return why, err
		}
	}
	return "", nil
}

// benchBoth checks both sides, then times them in turns A B B A.
func benchBoth(ctx context.Context, sides [2]*labSide, cpu compute.Device, op string, s *labShape, n int) (row *sideRow, err error) {
	row = &sideRow{Op: op, Rows: n, Keys: s.keys}
	var b [2]*bench1
	var times [2][]float64
	for i, side := range sides {
		why, err := s.check(ctx, side, cpu, op)
		if err != nil {
			return nil, err
		}
		if why != "" && row.Wrong == "" {
			row.Wrong, row.Change.Verdict = fmt.Sprintf("%s is wrong: %s", side.text, why), wrongVerdict
		}
		if b[i], err = newBench1(ctx, side.dev, op, s, n, s.keys, side.variant, side.math); err != nil {
			return nil, side.edited.failed(err)
		}
		defer func() { err = errors.Join(err, b[i].close()) }()
	}
	row.Shape, row.Copies = b[0].shape(), len(b[0].measured)
	if row.Wrong != "" {
		return row, nil
	}
	var names [2][]string
	for i := range s.runs + 1 {
		turn := []int{0, 1}
		if i%2 == 1 {
			slices.Reverse(turn)
		}
		for _, k := range turn {
			var once []float64
			if once, names[k], err = b[k].once(ctx); err != nil {
				return nil, sides[k].edited.failed(err)
			}
			if i > 0 { // the first one warms up
				times[k] = append(times[k], median(once))
			}
		}
	}
	for _, side := range sides {
		if err := side.took(); err != nil {
			return nil, err
		}
	}
	row.Change = profile.Judge(times[0], times[1], profile.OpLevel)
	row.Change.Stem, row.Change.Shape = op, row.Shape
	row.Change.KernelA, row.Change.KernelB = strings.Join(names[0], "+"), strings.Join(names[1], "+")
	return row, nil
}

func (c *common) printSides(rows []sideRow, sides [2]*labSide, s *labShape) error {
	switch s.format {
	case "json":
		return c.printJSON(rows)
	case "jsonl":
		for i := range rows {
			if err := c.printLine(rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(c.out, "A: %s, right in %d cases of the suite\nB: %s, right in %d cases of the suite\n%d runs of each in turns\n", sides[0].text, sides[0].cases, sides[1].text, sides[1].cases, s.runs)
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "SHAPE\tROWS\tKEYS\tCACHES\tKERNEL\tA µs\tB µs\tB/A\t99 % INTERVAL\tVERDICT\t\n")
	for i := range rows {
		r, ch := &rows[i], &rows[i].Change
		kernel, caches := ch.KernelA, "warm"
		if ch.KernelB != ch.KernelA {
			kernel += " → " + ch.KernelB
		}
		if r.Copies > 1 {
			caches = "cold"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%.1f\t%.1f\t%.3f\t%.3f–%.3f\t%s\t\n", r.Shape, r.Rows, r.Keys, caches, cmp.Or(kernel, "not timed"), 1e6*ch.TimeA, 1e6*ch.TimeB, ch.Ratio, ch.Low, ch.High, ch.Verdict)
	}
	return w.Flush()
}
