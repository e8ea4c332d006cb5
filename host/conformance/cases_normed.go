package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// normed adds multiplications that kernels for few rows do behind a LayerNorm of their own, and routers that choose experts themselves,
// with what else reads the norm in front of them. Every step runs twice: what a kernel counts begins anew.
func (l *list) normed() {
	for i, r := range []int{1, 2, 3, 8, 9, 33} {
		for j, f := range []compute.DType{compute.F16, compute.Q8_0, compute.Q4_K, compute.F32} {
			quick := j == i%4
			if !quick && r > 2 {
				continue
			}
			n, k := pick([]int{33, 64, 130, 257}, i+j), blocksOf(f, pick([]int{64, 100, 300, 17}, i+2*j))
			shape := fmt.Sprintf("%v_r%d_n%d_k%d", f, r, n, k)
			l.add("layernorm_matmul", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				b.rows(r)
				h := b.layered(b.feedOf("x", k, func(int, int) float32 { return float32(3*(i%2)) + b.uniform() }), i%3 != 1, r)
				for c := range 1 + j%3 { // matrices of one X
					b.p.Add(pick([]string{"a", "b", "c"}, c), compute.MatMul{X: h, W: b.weight(pick([]string{"wa", "wb", "wc"}, c), f, n+c, k), Out: b.output(pick([]string{"ya", "yb", "yc"}, c), n+c)})
				}
			})
			l.add("layernorm_matmul_activation", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				y := b.project("y", b.layered(b.feed("x", k), i%2 == 0, r), f, n)
				b.p.Add("fn", compute.Activation{X: y, Out: b.output("out", n), Fn: compute.GELU})
			})
			p := projected{format: f, rows: r, k: k, d: pick([]int{16, 48, 64, 80}, i+j), pairing: pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j),
				kv: pick([]compute.DType{compute.F16, compute.F32, compute.Q8_0}, i+j), page: pick(pageSizes, i+j), norm: true, layer: true, bias: j%2 == 1, still: j == 2}
			if p.kv == compute.Q8_0 && p.d%32 != 0 {
				p.d = 64
			}
			op := "layernorm_matmul_rope_kvstore"
			if p.still {
				op = "layernorm_matmul_kvstore"
			}
			l.add(op, fmt.Sprintf("%v_%v_%v_r%d_k%d_d%d", f, p.kv, p.pairing, r, k, p.d), f, quick, func(b *build) { b.projected(p) })
		}
	}
	for i, e := range []int{1, 4, 8, 31, 33, 64, 128} {
		for j, r := range []int{1, 2, 3, 8, 9, 33} {
			f := pick([]compute.DType{compute.F32, compute.Q8_0, compute.F16}, i+j)
			op := compute.Route{Used: min(e, pick([]int{1, 2, 4, 6}, i+j)), Gate: compute.Gate((i + j) % 5), Normalize: i%2 == 0, Factor: pick([]float32{1, 2.5}, j)}
			if e%4 == 0 && e >= 8 && op.Used <= e/2 && op.Gate != compute.SparseMixerGate {
				op.Groups, op.UsedGroups, op.GroupTop2 = 4, 2, j%2 == 0
			}
			if op.Gate == compute.SparseMixerGate {
				op.Jitter = 0.2
			}
			l.add("matmul_route", fmt.Sprintf("%d_of_%d_%v_%v_r%d_groups%d", op.Used, e, op.Gate, f, r, op.Groups), f, j == i%6, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				b.rows(r)
				b.routed(op, b.feed("x", 64), f, e, (i+j)%3 == 0, (i+j)%4 == 1)
			})
			(*l)[len(*l)-1].Exact = true // of two logits that are nearly alike, bytes and halves choose the other
			l.add("rmsnorm_matmul_route_matmul_swiglu", fmt.Sprintf("%d_of_%d_%v_%v_r%d_groups%d", op.Used, e, op.Gate, f, r, op.Groups), f, j == (i+3)%6, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				b.rows(r)
				h := b.normed("h", b.feed("x", 64))
				op := b.routed(op, h, f, e, false, false)
				b.p.Add("open", compute.Activation{X: b.project("opened", h, compute.F32, 1), Out: b.output("open", 1), Fn: compute.Sigmoid})
				b.p.Add("swiglu", compute.SwiGLU{Gate: b.project("gate", h, f, 96), Up: b.project("up", h, f, 96), Out: b.output("shared", 96)})
				b.p.Add("experts", compute.MatMulExperts{X: h, W: b.weight("w", f, e*24, 64), IDs: op.IDs, Out: b.outputRows("out", compute.PerToken(op.Used), 24), NumExperts: e})
			})
			(*l)[len(*l)-1].Exact = true
		}
	}
}

// layered is the LayerNorm of x.
func (b *build) layered(x compute.Ref, biased bool, r int) compute.Ref {
	k := b.p.At(x).Cols
	norm := compute.LayerNorm{X: x, Weight: b.random("weight", 1, k), Out: b.scratch("h", k), Eps: pick([]float32{1e-5, 0.25}, r)}
	if biased {
		norm.Bias = b.random("shift", 1, k)
	}
	b.p.Add("norm", norm)
	return norm.Out
}

// routed chooses among e experts by x.
func (b *build) routed(op compute.Route, x compute.Ref, f compute.DType, e int, biased, scaled bool) compute.Route {
	logits := compute.MatMul{X: x, W: b.weight("router", f, e, b.p.At(x).Cols), Out: b.scratch("logits", e)}
	if biased {
		logits.Bias = b.random("router.bias", 1, e)
	}
	b.p.Add("logits", logits)
	op.Logits, op.IDs, op.Weights = logits.Out, b.output("ids", op.Used), b.output("weights", op.Used)
	if biased && op.Gate != compute.SparseMixerGate {
		op.Bias = b.random("bias", 1, e)
	}
	if scaled {
		op.Scale = b.random("scale", 1, e)
	}
	b.p.Add("route", op)
	return op
}
