package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// mixtures adds what devices run as one kernel of a mixture of experts for few tokens, with fusion allowed: the projections with their
// gate, the projection back with the sum and all that is added to it, and the router beside the norm that the experts read too.
func (l *list) mixtures() {
	functions := []compute.Function{compute.GELU, compute.GELUTanh, compute.ReLU, compute.ReLU2, compute.ClampedSiLU}
	for i, f := range compute.WeightFormats() {
		// One number of rows a format, a third of them quick, with widths and functions taking turns: drivers compile kernels of each.
		for j, r := range []int{1, 3, 8, 40} {
			if j != i/3%4 {
				continue
			}
			e, used, n := pick([]int{4, 7, 9, 1}, i/2+j), pick([]int{2, 4, 3, 1}, i/2+j), pick([]int{33, 65, 6, 64}, i)
			k := blocksOf(f, pick([]int{17, 64, 100, 288}, i+2*j))
			fn := pick(functions, i/3)
			quick, swiglu, biased := i%3 == 0, i/6%2 == 0, j%2 == 0
			op := "matmul_experts_activation"
			if swiglu {
				op = "matmul_experts_swiglu"
			}
			l.add(op, fmt.Sprintf("%v_%d_of_%d_r%d_n%d_k%d", f, used, e, r, n, k), f, quick, func(b *build) {
				m := b.mixture(r, e, used)
				x, out := b.feed("x", k), b.outputRows("out", compute.PerToken(used), n)
				if fn == compute.ClampedSiLU {
					b.spread = 20
				}
				gate, up := m.multiply("gate", x, f, n, biased), m.multiply("up", x, f, n, j == 0)
				if swiglu {
					b.p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: out})
				} else {
					b.p.Add("gated", compute.Activation{X: gate, Up: up, Out: out, Fn: fn})
				}
			})
			// What is added to the sum takes turns: nothing, a residual, a shared expert and a residual, one that each token opens by itself.
			for c, added := range []string{pick([]string{"none", "residual", "scaled"}, i/3+j), pick([]string{"shared", "opened", "shared_scaled"}, i/3+j)} {
				if !quick && c != i%2 {
					continue
				}
				l.add("matmul_experts_mix", fmt.Sprintf("%v_%d_of_%d_r%d_n%d_k%d_%s", f, used, e, r, n, k, added), f, quick, func(b *build) {
					m := b.mixture(r, e, used)
					m.mixed(f, n, k, biased, added)
				})
			}
		}
	}
	// All of it, in which what the gates let through may have scales by blocks: rows of different sizes.
	for i, c := range []struct {
		f      compute.DType
		r, ffn int
	}{{compute.F16, 40, 128}, {compute.Q8_0, 100, 192}, {compute.F16, 9, 96}, {compute.Q4_K, 80, 256}} {
		l.add("matmul_experts_mix", fmt.Sprintf("whole_%v_r%d_ffn%d", c.f, c.r, c.ffn), c.f, i != 2, func(b *build) {
			m := b.mixture(c.r, 5, 2)
			x := b.feedOf("x", max(64, c.f.BlockLen()), func(r, _ int) float32 { return b.uniform() * float32(math.Exp2(float64(r%5*6-12))) })
			gate, up := m.multiply("gate", x, c.f, c.ffn, false), m.multiply("up", x, c.f, c.ffn, true)
			act := b.p.Scratch("act", compute.PerToken(m.used), c.ffn)
			b.p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: act})
			b.p.Add("mix", compute.Mix{X: m.multiply("down", act, c.f, 34, i == 1), Weights: b.feed("weights", m.used), Out: b.output("out", 34)})
		})
	}
	// Weights that multiply what experts read, whose results are added up as they are.
	for i, c := range []struct {
		f       compute.DType
		r, used int
	}{{compute.F32, 1, 2}, {compute.Q8_0, 3, 1}, {compute.Q4_K, 8, 3}, {compute.F16, 40, 2}, {compute.Q8_0, 33, 1}} {
		l.add("mix_matmul_experts_swiglu_mix", fmt.Sprintf("%v_%d_r%d", c.f, c.used, c.r), c.f, i%2 == 0, func(b *build) {
			m := b.mixture(c.r, 5, c.used)
			x, residual := b.p.Scratch("x", compute.PerToken(c.used), 256), b.feed("residual", 34)
			b.p.Add("in", compute.Mix{X: b.feed("h", 256), Weights: b.feed("weights", c.used), Out: x, Streams: 1})
			gate, up := m.multiply("gate", x, c.f, 64, i%2 == 0), m.multiply("up", x, c.f, 64, i == 0)
			act := b.p.Scratch("act", compute.PerToken(c.used), 64)
			b.p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: act})
			sum := m.multiply("down", act, compute.F16, 34, i%3 == 0)
			if c.used > 1 {
				rows := sum
				sum = b.scratch("mixed", 34)
				b.p.Add("mix", compute.Mix{X: rows, Out: sum})
			}
			b.p.Add("residual", compute.Add{A: residual, B: sum, Out: b.output("out", 34)})
		})
	}
	// The order in which a sum names its parts, and parts that others read too.
	for _, added := range []string{"residual_first", "sum_is_read_twice", "product_is_read_twice", "two_shared", "capped"} {
		l.add("matmul_experts_mix", added, compute.F32, true, func(b *build) {
			m := b.mixture(3, 5, 2)
			m.mixed(compute.F32, 34, 40, true, added)
		})
	}
	l.add("matmul_experts_swiglu", "gate_is_read_twice", compute.F32, true, func(b *build) {
		m := b.mixture(2, 3, 2)
		x := b.feed("x", 40)
		gate, up := m.multiply("gate", x, compute.F32, 24, false), m.multiply("up", x, compute.F32, 24, false)
		b.p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: b.outputRows("out", compute.PerToken(2), 24)})
		b.p.Add("again", compute.Add{A: gate, B: up, Out: b.outputRows("sum", compute.PerToken(2), 24)})
	})
	l.add("matmul_experts_swiglu", "up_before_gate", compute.F32, true, func(b *build) {
		m := b.mixture(2, 3, 2)
		x := b.feed("x", 40)
		up, gate := m.multiply("up", x, compute.F32, 24, true), m.multiply("gate", x, compute.F32, 24, false)
		b.p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: b.outputRows("out", compute.PerToken(2), 24)})
	})
	l.add("matmul_experts_activation", "product_of_short_rows", compute.F32, true, func(b *build) { // the tightest bounds
		m := b.mixture(9, 3, 2)
		x := b.feed("x", 16)
		gate, up := m.multiply("gate", x, compute.F32, 34, false), m.multiply("up", x, compute.F32, 34, false)
		b.p.Add("gated", compute.Activation{X: gate, Up: up, Out: b.outputRows("out", compute.PerToken(2), 34), Fn: compute.Identity})
	})
	for i, r := range []int{1, 4, 8, 9, 33} {
		for _, open := range []bool{false, true} {
			l.add("rmsnorm_matmul_route", fmt.Sprintf("r%d_open-%t", r, open), compute.F32, i%2 == 0, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				k := pick([]int{64, 100, 33}, i)
				h := b.normed("h", b.feed("x", k))
				logits := b.project("logits", h, compute.F32, 12)
				if open {
					b.p.Add("open", compute.MatMul{X: h, W: b.weight("w_open", compute.F32, 1, k), Out: b.output("open", 1)})
				}
				b.p.Add("route", compute.Route{Logits: logits, IDs: b.output("ids", 3), Weights: b.output("weights", 3), Used: 3, Factor: 1})
				b.p.Add("again", compute.MatMul{X: h, W: b.weight("w_again", compute.F32, 20, k), Out: b.output("out", 20)})
			})
		}
	}
}

// mixture is a problem with uses of experts.
type mixture struct {
	*build
	ids           compute.Ref
	experts, used int
}

func (b *build) mixture(rows, experts, used int) *mixture {
	b.o.NoFuse = false
	b.rows(rows)
	return &mixture{b, b.feedOf("ids", used, func(int, int) float32 { return float32(b.rng.IntN(experts)) }), experts, used}
}

// multiply is the product of x with the matrices of the tokens' experts.
func (m *mixture) multiply(name string, x compute.Ref, f compute.DType, n int, biased bool) compute.Ref {
	op := compute.MatMulExperts{X: x, W: m.weight("w_"+name, f, m.experts*n, m.p.At(x).Cols), IDs: m.ids, NumExperts: m.experts,
		Out: m.p.Scratch(name, compute.PerToken(m.used), n)}
	if biased {
		op.Bias = m.random("b_"+name, m.experts, n)
	}
	m.p.Add(name, op)
	return op.Out
}

// mixed multiplies a row for each use, sums and adds.
func (m *mixture) mixed(f compute.DType, n, k int, biased bool, added string) {
	in := m.feed("in", 8)
	weights, shared, open, residual := m.feed("weights", m.used), m.feed("shared", n), m.feed("open", 1), m.feed("residual", n)
	more := m.feed("more", n)
	x := m.multiply("x", in, compute.F32, k, false)
	y := m.multiply("y", x, f, n, biased)
	out := m.output("out", n)
	sum := func(a, b compute.Ref) compute.Ref {
		s := m.scratch("sum", n)
		m.p.Add("sum", compute.Add{A: a, B: b, Out: s})
		return s
	}
	mix := func() compute.Ref {
		s := m.scratch("mixed", n)
		m.p.Add("mix", compute.Mix{X: y, Weights: weights, Out: s})
		return s
	}
	scale := func(x compute.Ref, capped float32) compute.Ref {
		s := m.scratch("scaled", n)
		m.p.Add("scale", compute.Scale{X: x, Out: s, Factor: 0.25, Cap: capped})
		return s
	}
	last := func(a, b compute.Ref) { m.p.Add("residual", compute.Add{A: a, B: b, Out: out}) }
	switch added {
	case "none":
		m.p.Add("mix", compute.Mix{X: y, Weights: weights, Out: out})
	case "residual":
		last(mix(), residual)
	case "residual_first":
		last(residual, mix())
	case "scaled":
		last(residual, scale(mix(), 0))
	case "capped":
		last(residual, scale(mix(), 0.5))
	case "shared":
		last(residual, sum(mix(), shared))
	case "shared_scaled":
		last(residual, scale(sum(shared, mix()), 0))
	case "two_shared":
		last(residual, sum(sum(mix(), shared), more))
	case "opened":
		a, s := mix(), m.scratch("opened", n)
		m.p.Add("opened", compute.Mix{X: shared, Weights: open, Out: s})
		last(residual, sum(a, s))
	case "sum_is_read_twice":
		a := mix()
		last(a, residual)
		m.p.Add("again", compute.Add{A: a, B: a, Out: m.output("twice", n)})
	case "product_is_read_twice":
		last(mix(), residual)
		m.p.Add("again", compute.Add{A: y, B: y, Out: m.outputRows("twice", compute.PerToken(m.used), n)})
	default:
		panic("BUG: conformance: mixture with " + added)
	}
}
