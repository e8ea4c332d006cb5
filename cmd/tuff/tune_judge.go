package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tuff/gpu/kernel"
	"tuff/host/compute"
)

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

// blocks number the ops of the program by what can be compared: ops of one block are in one group, or in groups of the same, in some trial. Another
// kernel may take along what stands before or behind it, or leave it to a group of its own.
func (t *tuner) blocks() []int {
	block := make([]int, len(t.l.Program().Instrs))
	joined := make([]bool, len(block)) // with the op before it
	for _, tr := range t.trials {
		for _, g := range tr.exe.Placement() {
			for op := slices.Min(g.Ops) + 1; op <= slices.Max(g.Ops); op++ {
				joined[op] = true
			}
		}
	}
	for op := 1; op < len(block); op++ {
		if block[op] = block[op-1]; !joined[op] {
			block[op]++
		}
	}
	return block
}

// of is the time of all blocks that a product is in.
func (t *tuner) of(tr *trial, product string, blocks []int) (seconds float64, count int) {
	in := map[int]bool{}
	for g, list := range t.products {
		if slices.Contains(list, product) {
			in[blocks[t.trials[0].exe.Placement()[g].Ops[0]]] = true
		}
	}
	for block := range in {
		sums := make([]float64, len(tr.total))
		for g, group := range tr.exe.Placement() {
			if blocks[group.Ops[0]] != block {
				continue
			}
			for i, s := range tr.groups[g] {
				sums[i] += s
			}
		}
		seconds += median(sums)
	}
	return seconds, len(in)
}

// judge fills the rows and returns the shapes that gain, by product.
func (t *tuner) judge() (rows []tuneRow, f found) {
	f = found{kernel.Tuned{}, kernel.TunedMany{}}
	var all []string
	blocks := t.blocks()
	for _, tr := range t.trials {
		tr.wins = false
	}
	for _, list := range t.products {
		for _, p := range list {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		row := tuneRow{Product: p}
		row.Planned, row.Groups = t.of(t.trials[0], p, blocks)
		row.Best = row.Planned
		var best *trial
		for _, tr := range t.trials[1:] {
			if s, _ := t.of(tr, p, blocks); tr.taken[p] && !tr.unproven && s < row.Best {
				row.Best, best = s, tr
			}
		}
		if row.Gain = row.Planned / row.Best; row.Gain < leastGain {
			row.Best, row.Gain, best = row.Planned, 1, nil
		}
		if best != nil {
			best.wins, row.Shape, row.Many = true, best.shape.few, best.shape.many
		}
		switch {
		case row.Shape != nil:
			f.few[p] = *row.Shape
		case row.Many != nil:
			f.many[p] = *row.Many
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b tuneRow) int { return cmp.Compare(b.Planned, a.Planned) })
	return rows, f
}

// together runs what was found against what was planned, in turns: gains of single products need not add up.
func (t *tuner) together(ctx context.Context, f found, rounds int) (before, after float64, err error) {
	tuned, err := t.compile(ctx, shape{}, t.before.and(f))
	if err != nil {
		return 0, 0, err
	}
	defer tuned.exe.Close()
	got, err := t.run(ctx, tuned)
	if err != nil {
		return 0, 0, err
	}
	if err := sameLogits(got, t.logits, t.o.Math); err != nil {
		return 0, 0, fmt.Errorf("tune: all shapes together: %w", err)
	}
	planned := newTrial(shape{}, t.trials[0].exe)
	for i := range rounds + 1 {
		if err := errors.Join(planned.time(ctx, t.step, i > 0), tuned.time(ctx, t.step, i > 0)); err != nil {
			return 0, 0, err
		}
	}
	return median(planned.total), median(tuned.total), nil
}
