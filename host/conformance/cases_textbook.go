package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// textbook adds the basic forms under the names that textbooks give them.
func (l *list) textbook() {
	for i, n := range []int{1, 4, 6, 16, 33, 100} {
		for _, d := range []int{3, 16, 64} {
			// Every row attends to all rows: softmax(X·Xᵀ/√d)·X.
			l.add("attention", fmt.Sprintf("self-attention_without_parameters_Q=K=V=X_t%d_d%d", n, d), 0, d == 16, func(b *build) {
				b.rows(n)
				x := b.feed("x", d)
				b.p.Add("attention", compute.Attention{Q: x, K: x, V: x, Out: b.output("out", d), NumHeads: 1, NumKVHeads: 1, HeadDim: d, HeadDimV: d,
					Scale: float32(1 / math.Sqrt(float64(d)))})
			})
			// softmax(X·Wqᵀ·(X·Wkᵀ)ᵀ/√d)·X·Wvᵀ.
			l.add("attention", fmt.Sprintf("self-attention_with_learned_projections_t%d_d%d", n, d), 0, d == 16, func(b *build) {
				b.rows(n)
				x := b.feed("x", 24)
				op := compute.Attention{NumHeads: 1, NumKVHeads: 1, HeadDim: d, HeadDimV: d, Scale: float32(1 / math.Sqrt(float64(d))), Out: b.output("out", d)}
				op.Q, op.K, op.V = b.project("q", x, compute.F32, d), b.project("k", x, compute.F32, d), b.project("v", x, compute.F32, d)
				b.p.Add("attention", op)
			})
		}
		// Concat(head₁ … headₕ)·Woᵀ.
		for _, causal := range []bool{false, true} {
			heads := pick([]int{1, 2, 4, 8}, i)
			l.add("attention", fmt.Sprintf("multi-head_attention_t%d_h%d_causal-%t", n, heads, causal), 0, causal, func(b *build) {
				const d = 16
				b.rows(n)
				x := b.feed("x", 32)
				out := b.scratch("heads", heads*d)
				op := compute.Attention{NumHeads: heads, NumKVHeads: heads, HeadDim: d, HeadDimV: d, Scale: 0.25, Causal: causal, Out: out}
				op.Q, op.K, op.V = b.project("q", x, compute.F32, heads*d), b.project("k", x, compute.F32, heads*d), b.project("v", x, compute.F32, heads*d)
				b.p.Add("attention", op)
				w := b.weight("wo", compute.F32, 32, heads*d)
				b.p.Add("wo", compute.MatMul{X: out, W: w, Out: b.output("out", 32)})
			})
		}
	}
	// The expected values are the naive triple loop; a device takes its tiled kernel here.
	for _, s := range []int{8, 15, 16, 17, 31, 32, 33, 64, 100, 128} {
		m := mm{format: compute.F32, r: s, n: s, k: s}
		l.add("matmul", fmt.Sprintf("naive_against_tiled_multiplication_%dx%d", s, s), compute.F32, s == 33, m.fill)
	}
}

// project multiplies by a fresh weight matrix.
func (b *build) project(name string, x compute.Ref, t compute.DType, cols int) compute.Ref {
	out := b.scratch(name, cols)
	b.p.Add(name, compute.MatMul{X: x, W: b.weight("w"+name, t, cols, b.p.At(x).Cols), Out: out})
	return out
}
