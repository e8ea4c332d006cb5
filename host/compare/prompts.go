package compare

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tuff/host/engine"
)

// PromptResult is what one of several prompts gave: logits of all its positions, and greedy text.
type PromptResult struct {
	Tokens int    `json:"tokens"`
	Logits Logits `json:"logits"`
	Greedy Greedy `json:"greedy"`
}

// prompts compares logits and texts over more prompts than the one whose ops are compared, and sums the logits up.
func (c *comparison) prompts(ctx context.Context, list [][]int32) error {
	first := c.o.Prompt
	defer func() { c.o.Prompt = first }()
	c.r.Prompts = append(c.r.Prompts, PromptResult{Tokens: len(first), Logits: c.r.Logits, Greedy: c.r.Greedy})
	for i, ids := range list {
		if len(ids) == 0 || len(ids) > c.a.ContextLen()-c.o.Greedy {
			return fmt.Errorf("compare: prompt %d: got %d tokens, want 1 to %d", i+2, len(ids), c.a.ContextLen()-c.o.Greedy)
		}
		var rows [2][][]float32
		for side, e := range []*engine.Engine{c.a, c.b} {
			s := e.NewSession()
			err := s.Eval(ctx, ids, engine.WantAll, func(_ int, l []float32) error { rows[side] = append(rows[side], slices.Clone(l)); return nil })
			s.Close()
			if err != nil {
				return fmt.Errorf("compare: prompt %d: %w", i+2, err)
			}
		}
		p := PromptResult{Tokens: len(ids)}
		for j := range rows[0] {
			p.Logits.add(rows[0][j], rows[1][j])
			c.r.Logits.add(rows[0][j], rows[1][j])
		}
		p.Logits.quantile()
		c.o.Prompt = ids
		keep := c.r.Greedy
		c.r.Greedy = Greedy{}
		err := c.greedy(ctx)
		p.Greedy, c.r.Greedy = c.r.Greedy, keep
		if err != nil {
			return fmt.Errorf("compare: prompt %d: %w", i+2, err)
		}
		c.r.Prompts = append(c.r.Prompts, p)
		c.o.Progress("prompt", i+2, len(list)+1)
	}
	c.r.Logits.quantile()
	return nil
}

// add takes in the logits x of A and y of B at one position.
func (l *Logits) add(x, y []float32) {
	sum, agree := l.MeanKL*float64(l.Positions), l.Top1*float64(l.Positions)
	kl := KL(y, x)
	l.KL = append(l.KL, kl)
	l.MaxKL = max(l.MaxKL, kl)
	if engine.Argmax(x) == engine.Argmax(y) {
		agree++
	}
	for j := range x {
		l.MaxAbs = max(l.MaxAbs, math.Abs(float64(x[j])-float64(y[j])))
	}
	l.Positions++
	l.MeanKL, l.Top1 = (sum+kl)/float64(l.Positions), agree/float64(l.Positions)
}

// quantile sets P99KL, once positions have been added.
func (l *Logits) quantile() {
	sorted := slices.Sorted(slices.Values(l.KL)) // NaN first
	l.P99KL = sorted[(len(sorted)*99+99)/100-1]
	if math.IsNaN(sorted[0]) {
		l.P99KL = sorted[0]
	}
}
