package conformance

import (
	"fmt"

	"tuff/host/compute"
)

func (l *list) layernorm() {
	for i, cols := range widths[1:] { // one column has no variance
		for j, rows := range []int{1, 2, 33} {
			mean := pick([]float32{0, 3, -0.25}, i+j) // a mean far from zero is what the two passes are for
			biased, fixed := (i+j)%2 == 0, (i+j)%4 == 3
			l.add("layernorm", fmt.Sprintf("c%d_r%d_mean%g", cols, rows, mean), 0, j == i%3, func(b *build) {
				gen := func(int, int) float32 { return mean + b.uniform() }
				b.norm(rows, cols, 0, biased, fixed, i%3, gen)
			})
		}
	}
	for i, group := range []int{2, 16, 48, 64, 80, 128} {
		for j, heads := range []int{1, 2, 7, 32} {
			l.add("layernorm", fmt.Sprintf("heads%d_d%d", heads, group), 0, j == i%4, func(b *build) {
				b.norm(1+4*(j%3), group*heads, group, j%2 == 0, false, 0, func(int, int) float32 { return b.uniform() })
			})
		}
	}
	l.add("layernorm", "constant_rows", 0, true, func(b *build) {
		b.norm(3, 96, 0, true, false, 0, func(r, _ int) float32 { return float32(r) })
	})
	l.add("layernorm", "large_values", 0, true, func(b *build) {
		b.norm(3, 288, 0, true, false, 0, func(int, int) float32 { return 1e15 * b.uniform() })
	})
}

// norm is one LayerNorm.
func (b *build) norm(rows, cols, group int, biased, fixed bool, lead int, gen func(r, c int) float32) {
	ext := compute.PerToken(1)
	var x compute.Ref
	if fixed {
		b.rows(1)
		ext = compute.Rows(rows)
		x = b.floats("x", rows, cols, gen)
		b.lead[x] = lead
	} else {
		b.rows(rows)
		x = b.feedOf("x", cols, gen)
	}
	w := b.random("weight", 1, cols)
	b.lead[w] = lead
	op := compute.LayerNorm{X: x, Weight: w, Out: b.outputRows("out", ext, cols), Group: group, Eps: 1e-5}
	if biased {
		op.Bias = b.random("bias", 1, cols)
	}
	b.p.Add("layernorm", op)
}
