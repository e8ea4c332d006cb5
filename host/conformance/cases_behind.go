package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// behind adds what takes the result of a multiplication and may be done before it is stored: a function, a factor, a norm of the whole
// row in front of the residual or behind it. Every step runs twice: what a kernel counts begins anew.
func (l *list) behind() {
	for i, r := range []int{1, 2, 3, 8, 9, 33} {
		for j, f := range []compute.DType{compute.F16, compute.Q8_0, compute.Q4_K} {
			quick := j == i%3
			if !quick && r > 2 {
				continue // what comes behind a sum does not depend on its format
			}
			n, k := pick([]int{33, 64, 130, 257}, i+j), blocksOf(f, pick([]int{64, 96, 300}, i+2*j))
			shape := fmt.Sprintf("%v_r%d_n%d_k%d", f, r, n, k)
			bias := i%2 == 1
			add := func(op string, then func(b *build, y, residual compute.Ref)) {
				l.add(op, shape, f, quick, func(b *build) {
					b.o.NoFuse = false
					b.rows(r)
					b.rows(r)
					x, residual := b.feed("x", k), b.feed("residual", n)
					switch op {
					case "matmul_activation_times":
						b.feed("wide", n+7)
					case "matmul_rmsnorm_add_add":
						b.feed("also", n)
					}
					y := compute.MatMul{X: x, W: b.weight("w", f, n, k), Out: b.scratch("y", n)}
					if bias {
						y.Bias = b.random("bias", 1, n)
					}
					b.p.Add("y", y)
					then(b, y.Out, residual)
				})
			}
			fn := pick([]compute.Function{compute.GELUTanh, compute.GELU, compute.ReLU2, compute.SiLU, compute.ReLU}, i+j)
			add("matmul_activation", func(b *build, y, _ compute.Ref) {
				b.p.Add("fn", compute.Activation{X: y, Out: b.output("out", n), Fn: fn})
			})
			add("matmul_scale_add", func(b *build, y, residual compute.Ref) {
				scaled := b.scratch("scaled", n)
				b.p.Add("scale", compute.Scale{X: y, Out: scaled, Factor: 0.22})
				b.p.Add("add", compute.Add{A: residual, B: scaled, Out: b.output("out", n)})
			})
			add("matmul_rmsnorm_add", func(b *build, y, residual compute.Ref) {
				sum := compute.Add{A: residual, B: b.normedRows(y, r), Out: b.output("out", n)}
				if i%3 == 1 {
					sum.A, sum.B = sum.B, sum.A
				}
				b.p.Add("add", sum)
			})
			add("matmul_add_layernorm", func(b *build, y, residual compute.Ref) {
				sum := b.output("sum", n)
				b.p.Add("add", compute.Add{A: residual, B: y, Out: sum})
				norm := compute.LayerNorm{X: sum, Weight: b.random("weight", 1, n), Out: b.output("out", n), Eps: pick([]float32{1e-5, 0.25}, r)}
				if i%3 != 2 {
					norm.Bias = b.random("shift", 1, n)
				}
				b.p.Add("norm", norm)
			})
			add("matmul_rmsnorm", func(b *build, y, _ compute.Ref) {
				b.p.Add("norm", compute.RMSNorm{X: y, Weight: b.random("weight", 1, n), Out: b.output("out", n), Eps: pick([]float32{1e-5, 0.25}, r)})
			})
			add("matmul_rmsnorm_add_add", func(b *build, y, residual compute.Ref) {
				also, sum := b.feeds[len(b.feeds)-1], b.scratch("sum", n)
				b.p.Add("add", compute.Add{A: residual, B: b.normedRows(y, r), Out: sum})
				if i%2 == 1 {
					b.p.Add("also", compute.Add{A: sum, B: also, Out: b.output("out", n)})
					return
				}
				both := b.scratch("both", n)
				b.p.Add("also", compute.Add{A: also, B: sum, Out: both})
				b.p.Add("scale", compute.Scale{X: both, Out: b.output("out", n), Factor: -0.7})
			})
			add("matmul_activation_times", func(b *build, y, residual compute.Ref) {
				times := residual
				if i%2 == 0 { // columns of something wider
					times = b.scratch("part", n)
					b.p.Add("part", compute.Columns{A: b.feeds[len(b.feeds)-1], Groups: 1, FromA: 5, NumA: n, Out: times})
				}
				b.p.Add("fn", compute.Activation{X: y, Up: times, Out: b.output("out", n), Fn: fn})
			})
			add("matmul_rmsnorm_add_scale", func(b *build, y, residual compute.Ref) {
				if i%2 == 0 {
					y = b.normedRows(y, r)
				}
				sum := b.scratch("sum", n)
				b.p.Add("add", compute.Add{A: residual, B: y, Out: sum})
				b.p.Add("scale", compute.Scale{X: sum, Out: b.output("out", n), Factor: -0.7})
			})
			l.add("matmul_matmul_activation", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x := b.feed("x", k)
				if bias {
					x = b.normed("h", x)
				}
				gate := pick([]compute.Function{compute.GELUTanh, compute.GELU, compute.ClampedSiLU, compute.Sigmoid}, i+j)
				b.p.Add("fn", compute.Activation{X: b.project("gate", x, f, n), Up: b.project("up", x, f, n), Out: b.output("out", n), Fn: gate})
			})
		}
	}
}

// normedRows is the norm of the rows of y.
func (b *build) normedRows(y compute.Ref, r int) compute.Ref {
	n := b.p.At(y).Cols
	normed := b.scratch("normed", n)
	b.p.Add("norm", compute.RMSNorm{X: y, Weight: b.random("weight", 1, n), Out: normed, Eps: pick([]float32{1e-5, 0.25}, r)})
	return normed
}
