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
	most := c.live.ContextLen() - c.o.Greedy
	for i, ids := range list {
		if len(ids) == 0 || len(ids) > most {
			return fmt.Errorf("compare: prompt %d: got %d tokens, want 1 to %d", i+2, len(ids), most)
		}
		p := PromptResult{Tokens: len(ids)}
		err := c.promptLogits(ctx, i+1, ids, &p.Logits)
		if err != nil {
			return fmt.Errorf("compare: prompt %d: %w", i+2, err)
		}
		c.o.Prompt = ids
		keep := c.r.Greedy
		c.r.Greedy = Greedy{}
		if c.rec != nil {
			err = c.greedyRecorded(ctx, i+1, ids)
		} else {
			err = c.greedy(ctx)
		}
		p.Greedy, c.r.Greedy = c.r.Greedy, keep
		if err != nil {
			return fmt.Errorf("compare: prompt %d: %w", i+2, err)
		}
		c.r.Prompts = append(c.r.Prompts, p)
		c.o.Progress("prompt", i+2, len(list)+1)
	}
	return nil
}

// promptLogits adds the logits of prompt i to l and to the report.
func (c *comparison) promptLogits(ctx context.Context, i int, ids []int32, l *Logits) error {
	rows, err := promptRows(ctx, c.live, ids)
	if err != nil {
		return err
	}
	a := slices.Concat(rows...)
	var b []float32
	if c.rec != nil {
		b, err = c.rec.promptLogits(i)
	} else if rows, err = promptRows(ctx, c.other, ids); err == nil {
		b = slices.Concat(rows...)
	}
	if err != nil {
		return err
	}
	if len(a) != len(b) {
		return fmt.Errorf("got %d recorded logits, want %d", len(b), len(a))
	}
	if c.flipped {
		a, b = b, a
	}
	l.addRows(a, b, c.live.Model.Width())
	c.r.Logits.addRows(a, b, c.live.Model.Width())
	return nil
}

// promptRows are the logits of all positions.
func promptRows(ctx context.Context, e *engine.Engine, ids []int32) (rows [][]float32, err error) {
	s := e.NewSession()
	defer s.Close()
	err = s.Eval(ctx, ids, engine.WantAll, func(_ int, l []float32) error { rows = append(rows, slices.Clone(l)); return nil })
	return rows, err
}

// addRows takes in rows of v logits each, of A and of B.
func (l *Logits) addRows(a, b []float32, v int) {
	for i := 0; i < len(b); i += v {
		l.add(a[i:i+v], b[i:i+v])
	}
	l.quantile()
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
	if len(l.KL) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(l.KL)) // NaN first
	l.P99KL = sorted[(len(sorted)*99+99)/100-1]
	if math.IsNaN(sorted[0]) {
		l.P99KL = sorted[0]
	}
}
