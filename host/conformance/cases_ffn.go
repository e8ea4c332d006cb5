package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// feedForward adds the whole of a feed-forward part: what lies between its two sides may leave the first in another form.
func (l *list) feedForward() {
	const stem = "rmsnorm_matmul_swiglu_matmul_add"
	for i, f := range formulated {
		if !f.Quantized() {
			continue
		}
		for j, r := range []int{1, 7, 9, 33, 65} {
			down := f
			if (i+j)%3 == 1 {
				down = compute.Q8_0
			}
			k, n := blocksOf(f, 96), blocksOf(down, pick([]int{32, 64, 160}, i+j))
			l.add(stem, fmt.Sprintf("%v_%v_r%d_k%d_n%d", f, down, r, k, n), f, j == i%5, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x := b.feed("x", k)
				h := x
				if j%2 == 0 {
					h = b.normed("h", x)
				}
				gate, up, act := b.scratch("gate", n), b.scratch("up", n), b.scratch("act", n)
				for c, out := range []compute.Ref{gate, up} {
					op := compute.MatMul{X: h, W: b.weight(pick([]string{"wgate", "wup"}, c), f, n, k), Out: out}
					if j%2 == 1 {
						op.Bias = b.random(pick([]string{"bgate", "bup"}, c), 1, n)
					}
					b.p.Add(pick([]string{"gate", "up"}, c), op)
				}
				b.p.Add("swiglu", compute.SwiGLU{Gate: gate, Up: up, Out: act})
				op := compute.MatMul{X: act, W: b.weight("wdown", down, k, n), Out: b.scratch("down", k)}
				if j%3 == 2 {
					op.Out = b.output("out", k)
				}
				b.p.Add("down", op)
				if j%3 != 2 {
					b.p.Add("residual", compute.Add{A: x, B: op.Out, Out: b.output("out", k)})
				}
			})
		}
	}
	// What lies between may have scales by blocks: rows of different sizes, and in them results of different sizes from block to block.
	for j, r := range []int{9, 65, 31, 130} {
		f, n := pick([]compute.DType{compute.F16, compute.Q8_0}, j), pick([]int{64, 192, 320}, j)
		l.add(stem, fmt.Sprintf("spread_%v_r%d_n%d", f, r, n), f, j == 1 || j == 2, func(b *build) {
			const k = 96
			b.o.NoFuse = false
			b.rows(r)
			x := b.feedOf("x", k, func(r, _ int) float32 { return b.uniform() * float32(math.Exp2(float64(r%5*6-12))) })
			gate, up, act := b.scratch("gate", n), b.scratch("up", n), b.scratch("act", n)
			b.p.Add("gate", compute.MatMul{X: x, W: b.weight("wgate", f, n, k), Out: gate})
			bias := b.floats("bup", 1, n, func(_, c int) float32 { return b.uniform() * float32(math.Exp2(float64(c/8%9*5-20))) })
			b.p.Add("up", compute.MatMul{X: x, W: b.weight("wup", f, n, k), Bias: bias, Out: up})
			b.p.Add("swiglu", compute.SwiGLU{Gate: gate, Up: up, Out: act})
			b.p.Add("down", compute.MatMul{X: act, W: b.weight("wdown", f, k, n), Out: b.output("out", k)})
		})
	}
}
