package compare

import (
	"context"
	"math"

	"tuff/host/engine"
)

// logits adds the logits of one phase to the report: every position of the prompt, then the decoded one; of a recording those that it has.
func (c *comparison) logits(got *reader, want source) error {
	a, err := got.values(c.live.Model.Logits)
	if err != nil {
		return err
	}
	b, err := want.values(c.live.Model.Logits)
	if err != nil || b == nil {
		return err
	}
	a = a[len(a)-len(b):]
	if c.flipped {
		a, b = b, a
	}
	c.r.Logits.addRows(a, b, c.live.Model.Width())
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
	if c.rec != nil {
		return c.greedyRecorded(ctx, 0, c.o.Prompt)
	}
	g := &c.r.Greedy
	g.First = -1
	sa, sb := c.live.NewSession(), c.other.NewSession()
	defer sa.Close()
	defer sb.Close()
	ids := c.o.Prompt
	for g.Tokens < c.o.Greedy && len(sb.Tokens())+len(ids) <= c.other.ContextLen() {
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

// greedyRecorded generates on the live side what prompt i of the recording has.
func (c *comparison) greedyRecorded(ctx context.Context, i int, prompt []int32) error {
	c.r.Greedy = Greedy{First: -1}
	if c.rec.Info == nil || c.o.Greedy == 0 || c.live.Model.Config.Encoder {
		return nil
	}
	p := &c.rec.Info.Prompts[i]
	own := RecordedPrompt{}
	var err error
	if own.Greedy, own.Margins, err = greedyText(ctx, c.live, prompt, min(c.o.Greedy, len(p.Greedy))); err != nil {
		return err
	}
	if c.flipped {
		c.r.Greedy = sameText(p, &own)
	} else {
		c.r.Greedy = sameText(&own, p)
	}
	return nil
}

// sameText compares generated tokens.
func sameText(a, b *RecordedPrompt) Greedy {
	g := Greedy{Tokens: min(len(a.Greedy), len(b.Greedy)), First: -1}
	for g.Equal < g.Tokens {
		if a.Greedy[g.Equal] != b.Greedy[g.Equal] {
			g.First, g.Margin, g.Tokens = g.Equal, b.Margins[g.Equal], g.Equal+1
			break
		}
		g.Equal++
	}
	return g
}

// greedyText generates n tokens, fewer where the context ends, and the leads of the best logits.
func greedyText(ctx context.Context, e *engine.Engine, prompt []int32, n int) (ids []int32, margins []float64, err error) {
	s := e.NewSession()
	defer s.Close()
	next := prompt
	for len(ids) < n && len(s.Tokens())+len(next) <= e.ContextLen() {
		err := s.Eval(ctx, next, engine.WantLast, func(_ int, l []float32) error {
			ids, margins = append(ids, engine.Argmax(l)), append(margins, margin(l))
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		next = ids[len(ids)-1:]
	}
	return ids, margins, nil
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
