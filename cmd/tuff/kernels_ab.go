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
	"tuff/host/compute"
	"tuff/host/model"
	"tuff/host/profile"
	"tuff/host/weights"
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

// shapes are what is timed: the one given, or those of a model, with every context and state of the caches.
func (s *labShape) shapes(op string) (list []labShape, err error) {
	list = []labShape{*s}
	if s.model != "" {
		if list, err = s.ofModel(op); err != nil {
			return nil, err
		}
	}
	if op == "attention" {
		list = spread(list, s.context, func(s *labShape, keys int) { s.keys = keys })
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

// ofModel are the shapes of a model's matrices without its table of tokens, each once, or that of its attention.
func (s *labShape) ofModel(op string) (list []labShape, err error) {
	f, err := weights.Open(s.model)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at := *s
	if op == "attention" {
		cfg, _, err := model.ReadConfig(f)
		if err != nil {
			return nil, err
		}
		at.heads, at.kvHeads, at.dim = cfg.NumHeads, cfg.NumKVHeads, cfg.HeadDim
		return []labShape{at}, nil
	}
	formats := compute.WeightFormats()
	for _, t := range f.Tensors() {
		if len(t.Dims) != 2 || !slices.Contains(formats, t.DType) || strings.Contains(t.Name, "embd") || !strings.HasSuffix(t.Name, ".weight") {
			continue
		}
		at.k, at.m, at.typ = int(t.Dims[0]), int(t.Dims[1]), t.DType.String()
		if !slices.ContainsFunc(list, func(o labShape) bool { return o.m == at.m && o.k == at.k && o.typ == at.typ }) {
			list = append(list, at)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("kernels bench: got no matrix of two sides in %s", f.Name)
	}
	return list, nil
}

// benchSides sets --a and --b against each other at every shape.
func (c *common) benchSides(ctx context.Context, op string, s *labShape) (err error) {
	all, err := s.shapes(op)
	if err != nil {
		return err
	}
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

// benchBoth checks both sides, then times them in turns A B B A.
func benchBoth(ctx context.Context, sides [2]*labSide, cpu compute.Device, op string, s *labShape, n int) (row *sideRow, err error) {
	format := compute.F16 // of attention's cache
	if op == "matmul" {
		if format, err = parseType(s.typ); err != nil {
			return nil, err
		}
	}
	row = &sideRow{Op: op, Rows: n, Keys: s.keys}
	var b [2]*bench1
	var times [2][]float64
	for i, side := range sides {
		why, err := side.check(ctx, cpu, op, format)
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
	row.Shape, row.Copies = b[0].p.Instrs[1].Op.Shape(b[0].p), len(b[0].p.Instrs)/2
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
