package compare

import (
	"context"
	"math"

	"tuff/host/engine"
)

// logits adds the logits of one phase to the report: every position of the prompt, then the decoded one.
func (c *comparison) logits(phase string, got, want *reader, rows int) error {
	a, err := got.values(c.a.Model.Logits)
	if err != nil {
		return err
	}
	b, err := want.values(c.b.Model.Logits)
	if err != nil {
		return err
	}
	v := c.b.Model.Width()
	for i := range rows {
		c.r.Logits.add(a[i*v:(i+1)*v], b[i*v:(i+1)*v])
	}
	c.r.Logits.quantile()
	return nil
}

// KL is the Kullback–Leibler divergence Σ p·(ln p − ln q) in nats, with p and q the softmax of the two rows of logits.
func KL(p, q []float32) float64 {
	lp, lq := logSum(p), logSum(q)
	var kl float64
	for i := range p {
		a := float64(p[i]) - lp
		kl += math.Exp(a) * (a - (float64(q[i]) - lq))
	}
	return max(kl, 0) // a true divergence is never negative; rounding may be
}

// logSum is ln Σ exp(x), with the maximum taken out so that nothing overflows.
func logSum(x []float32) float64 {
	m := float64(x[engine.Argmax(x)])
	var s float64
	for _, v := range x {
		s += math.Exp(float64(v) - m)
	}
	return m + math.Log(s)
}

// greedy generates on both devices until they differ.
func (c *comparison) greedy(ctx context.Context) error {
	g := &c.r.Greedy
	g.First = -1
	sa, sb := c.a.NewSession(), c.b.NewSession()
	defer sa.Close()
	defer sb.Close()
	ids := c.o.Prompt
	for g.Tokens < c.o.Greedy && len(sb.Tokens())+len(ids) <= c.b.ContextLen() {
		var next [2]int32
		for i, s := range []*engine.Session{sa, sb} {
			err := s.Eval(ctx, ids, engine.WantLast, func(_ int, l []float32) error {
				next[i] = engine.Argmax(l)
				if i == 1 {
					g.Margin = margin(l)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		c.o.Progress("greedy", g.Tokens+1, c.o.Greedy)
		g.Tokens++
		if next[0] != next[1] {
			g.First = g.Equal
			return nil
		}
		g.Equal++
		ids = []int32{next[1]}
	}
	g.Margin = 0
	return nil
}

// margin is the lead of the best over the second logit.
func margin(l []float32) float64 {
	best, second := math.Inf(-1), math.Inf(-1)
	for _, v := range l {
		switch f := float64(v); {
		case f > best:
			best, second = f, best
		case f > second:
			second = f
		}
	}
	return best - second
}
