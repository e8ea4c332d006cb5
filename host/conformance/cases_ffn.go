package conformance

import (
	"fmt"

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
}
