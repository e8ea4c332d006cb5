package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// streams adds what Gemma 3n has of its own: streams that are mixed, and gates that must lie far above their mean. Many columns are shared by
// several workgroups, where there are few tokens.
func (l *list) streams() {
	for i, m := range []struct{ own, behind, sums, routed int }{{4, 0, 4, 4}, {4, 1, 4, 4}, {1, 4, 4, 4}, {1, 0, 1, 1}, {2, 3, 1, 2}, {1, 16, 16, 16}, {16, 1, 16, 17}} {
		for j, cols := range []int{1, 7, 33, 64, 255, 512, 513, 2050} {
			rows := pick([]int{1, 2, 8, 9, 33}, i+j)
			l.add("altup", fmt.Sprintf("%d_of_%d+%d_by%d_c%d_r%d", m.sums, m.own, m.behind, m.routed, cols, rows), 0, (i+j)%3 == 0, func(b *build) {
				b.rows(rows)
				small := func(int, int) float32 { return b.uniform() / float32(2*math.Sqrt(float64(cols))) } // numbers where tanh bends
				op := compute.AltUp{X: b.feed("x", m.own*cols), Router: b.floats("router", m.routed, cols, small), Out: b.output("out", m.sums*cols), Eps: 0.125}
				used := m.own + m.behind
				op.Coefs, op.Bias = b.random("coefs", m.sums*used, m.routed), b.random("bias", 1, m.sums*used)
				if m.behind > 0 {
					op.Y = b.feed("y", m.behind*cols)
				}
				if (i+j)%2 == 0 {
					op.First = b.output("first", cols)
				}
				if j%3 != 2 {
					op.Scale, op.Scaled = b.random("scale", 1, cols), b.output("scaled", cols)
				}
				b.p.Add("altup", op)
			})
		}
	}
	for i, cols := range widths[1:] { // one column does not deviate
		for j, cutoff := range []float32{1.6448535, 0, 0.25} {
			if cols < 16 {
				cutoff /= 4 // of n columns none is further from the mean than √(n−1) deviations
			}
			rows := pick([]int{1, 2, 9, 33}, i+j)
			fn := pick([]compute.Function{compute.GELUTanh, compute.Identity, compute.SiLU}, i+2*j)
			l.add("sparse_gate", fmt.Sprintf("%v_c%d_r%d_cutoff%g", fn, cols, rows, cutoff), 0, (i+j)%3 == 0, func(b *build) {
				b.rows(rows)
				mean := pick([]float32{0, 0.5, -0.25}, i)
				x := b.feedOf("x", cols, func(int, int) float32 { // with some far from the mean
					v := b.uniform()
					return mean + 2*v*v*v
				})
				b.p.Add("sparse_gate", compute.SparseGate{X: x, Up: b.feed("up", cols), Out: b.output("out", cols), Cutoff: cutoff, Fn: fn})
			})
		}
	}
}
