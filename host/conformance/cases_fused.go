package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// fused adds the sequences of ops that devices run as one kernel, compiled with fusion allowed. The bound is that of the
// ops one after the other: a fused kernel only leaves roundings out.
func (l *list) fused() {
	for i, f := range formulated {
		for j, r := range []int{1, 2, 5, 8, 9, 16, 33, 65} {
			n, k := pick([]int{33, 64, 130}, i+j), blocksOf(f, pick([]int{64, 96, 300}, i+2*j))
			quick := j == i%8
			shape := fmt.Sprintf("%v_r%d_n%d_k%d", f, r, n, k)
			l.add("matmul_add", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x, residual := b.feed("x", k), b.feed("residual", n)
				y := b.project("y", x, f, n)
				b.p.Add("residual", compute.Add{A: residual, B: y, Out: b.output("out", n)})
			})
			l.add("matmul_swiglu", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x := b.feed("x", k)
				b.p.Add("swiglu", compute.SwiGLU{Gate: b.project("gate", x, f, n), Up: b.project("up", x, f, n), Out: b.output("out", n)})
			})
			// Q, K and V of one input: three results of two widths, sometimes of two formats, sometimes with a bias.
			l.add("matmul_matmul_matmul", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x := b.feed("x", k)
				other := f
				if j%3 == 2 && k%32 == 0 {
					other = compute.Q8_0
				}
				for c, t := range []compute.DType{f, f, other} {
					width := n
					if c > 0 {
						width = n/4 + 1
					}
					name := string("qkv"[c])
					op := compute.MatMul{X: x, W: b.weight("w"+name, t, width, k), Out: b.output(name, width)}
					if j%4 == 1 {
						op.Bias = b.random("bias"+name, 1, width)
					}
					b.p.Add(name, op)
				}
			})
			if quick || (i+j)%4 == 0 {
				l.add("takerows_rmsnorm_matmul", shape, f, quick, func(b *build) { b.taken(f, r, n, k, 2*j) })
			}
			l.add("rmsnorm_matmul", shape, f, quick, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				x := b.feed("x", k)
				h := b.scratch("h", k)
				// Every second one has an Eps that is seen where it is left out.
				b.p.Add("norm", compute.RMSNorm{X: x, Weight: b.random("weight", 1, k), Out: h, Eps: pick([]float32{1e-5, 0.25}, r)})
				b.p.Add("out", compute.MatMul{X: h, W: b.weight("w", f, n, k), Out: b.output("out", n)})
			})
		}
	}
	for i, d := range []int{16, 48, 64, 96, 128, 256} {
		for j, r := range []int{1, 3, 17, 66} {
			for _, pairing := range []compute.Pairing{compute.Adjacent, compute.Halves} {
				l.add("rope_kvstore", fmt.Sprintf("%v_d%d_t%d", pairing, d, r), 0, j == i%4, func(b *build) {
					b.o.NoFuse = false
					b.ropeStore(r, d, pairing, pick(kvTypes, i+j), pick(kvTypes, i+j), pick(pageSizes, i+j), i%2 == 0)
				})
			}
		}
	}
	// What leads into attention and into the feed-forward part, with everything that a kernel for few rows may take along.
	for i, f := range formulated {
		for j, r := range []int{1, 2, 3, 8, 9, 33} {
			k := blocksOf(f, pick([]int{64, 96, 100, 300}, i+2*j))
			l.add("rmsnorm_matmul_swiglu", fmt.Sprintf("%v_r%d_k%d", f, r, k), f, j == i%6, func(b *build) {
				b.o.NoFuse = false
				b.rows(r)
				n := pick([]int{33, 64, 130}, i+j)
				h := b.normed("h", b.feed("x", k))
				gate, up := b.scratch("gate", n), b.scratch("up", n)
				for c, out := range []compute.Ref{gate, up} {
					op := compute.MatMul{X: h, W: b.weight(pick([]string{"wgate", "wup"}, c), f, n, k), Out: out}
					if j%2 == 1 {
						op.Bias = b.random(pick([]string{"bgate", "bup"}, c), 1, n)
					}
					b.p.Add(pick([]string{"gate", "up"}, c), op)
				}
				b.p.Add("swiglu", compute.SwiGLU{Gate: gate, Up: up, Out: b.output("out", n)})
			})
			p := projected{format: f, rows: r, k: k, d: pick([]int{16, 48, 64, 80}, i+j), pairing: pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j),
				kv: pick(kvTypes, i+j/2), page: pick(pageSizes, i+j), norm: (i+j)%3 != 2, bias: j%2 == 1, partial: j%3 == 1}
			if k%32 == 0 && j%4 == 2 {
				p.other = compute.Q8_0
			}
			l.add("rmsnorm_matmul_rope_kvstore", fmt.Sprintf("%v_%v_r%d_k%d_d%d", f, p.pairing, r, k, p.d), f, j == (i+1)%6, func(b *build) { b.projected(p) })
		}
	}
	l.heads()
	// An intermediate that somebody else reads too must still be written.
	l.add("matmul_add", "intermediate_is_read_twice", compute.F32, true, func(b *build) {
		b.o.NoFuse = false
		b.rows(3)
		x, residual := b.feed("x", 40), b.feed("residual", 24)
		y := b.project("y", x, compute.F32, 24)
		b.p.Add("residual", compute.Add{A: residual, B: y, Out: b.output("out", 24)})
		b.p.Add("again", compute.Add{A: y, B: y, Out: b.output("twice", 24)})
	})
	l.add("matmul_swiglu", "gate_is_read_twice", compute.F32, true, func(b *build) {
		b.o.NoFuse = false
		b.rows(2)
		x := b.feed("x", 40)
		gate, up := b.project("gate", x, compute.F32, 24), b.project("up", x, compute.F32, 24)
		b.p.Add("swiglu", compute.SwiGLU{Gate: gate, Up: up, Out: b.output("out", 24)})
		b.p.Add("again", compute.Add{A: gate, B: up, Out: b.output("sum", 24)})
	})
	l.add("matmul_swiglu", "one_matrix_gates_itself", compute.F32, true, func(b *build) {
		b.o.NoFuse = false
		b.rows(2)
		x := b.feed("x", 40)
		y := b.project("y", x, compute.F32, 24)
		b.p.Add("swiglu", compute.SwiGLU{Gate: y, Up: y, Out: b.output("out", 24)})
	})
	l.add("matmul_add", "both_sides_are_products", compute.F32, true, func(b *build) {
		b.o.NoFuse = false
		b.rows(2)
		x := b.feed("x", 40)
		b.p.Add("sum", compute.Add{A: b.project("a", x, compute.F32, 24), B: b.project("b", x, compute.F32, 24), Out: b.output("out", 24)})
	})
}

// heads adds what is finished by heads and blocks of the cache: normalised heads of every usual size, blocks that end within a head or
// cover several, values of another format than keys.
func (l *list) heads() {
	types := append([][2]compute.DType{{compute.F16, compute.F16}}, smallCaches...)
	for i, t := range types {
		for j, d := range []int{64, 80, 96, 128, 256} {
			quick := j == (i+3)%5
			if !quick && (i+j)%2 == 1 {
				continue
			}
			p := projected{format: pick([]compute.DType{compute.F16, compute.Q8_0, compute.Q4_K}, i+j), rows: pick([]int{1, 3, 2, 8, 9}, i+j), d: d,
				pairing: pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j), kv: t[0], v: t[1], page: pick(pageSizes, i+j),
				norm: i%2 == 0, bias: j%2 == 1, partial: (i+j)%3 == 1, heads: (i+j)%4 != 3}
			p.k = blocksOf(p.format, 64)
			if (i+j)%3 == 0 {
				p.other = compute.Q8_0
			}
			op := "rmsnorm_matmul_rope_kvstore"
			if p.heads {
				op = "rmsnorm_matmul_rmsnorm_rope_kvstore"
			}
			l.add(op, fmt.Sprintf("%v_%v_%v_r%d_d%d", p.format, t[0], t[1], p.rows, d), p.format, quick, func(b *build) { b.projected(p) })
			if !quick {
				continue
			}
			p.heads, p.after = true, true
			l.add("rmsnorm_matmul_rope_rmsnorm_kvstore", fmt.Sprintf("%v_%v_%v_r%d_d%d", p.format, t[0], t[1], p.rows, d), p.format, true, func(b *build) { b.projected(p) })
			p.heads, p.after, p.row = false, false, true
			l.add("rmsnorm_matmul_rmsnorm_rope_kvstore", fmt.Sprintf("row_%v_%v_%v_r%d_d%d", p.format, t[0], t[1], p.rows, d), p.format, true, func(b *build) { b.projected(p) })
			p.row, p.still, p.heads = false, true, j%2 == 0
			l.add("rmsnorm_matmul_kvstore", fmt.Sprintf("%v_%v_%v_r%d_d%d", p.format, t[0], t[1], p.rows, d), p.format, true, func(b *build) { b.projected(p) })
		}
	}
}

// normed is the RMSNorm of x.
func (b *build) normed(name string, x compute.Ref) compute.Ref {
	k := b.p.At(x).Cols
	h := b.scratch(name, k)
	b.p.Add("norm", compute.RMSNorm{X: x, Weight: b.random("weight", 1, k), Out: h, Eps: 1e-5})
	return h
}

// taken normalises and multiplies r of r + more rows, twice.
func (b *build) taken(f compute.DType, r, n, k, more int) {
	b.o.NoFuse = false
	for range 2 {
		s := b.rows(r + more)
		s.Outputs = s.Outputs[:0]
		for o := range r {
			s.Outputs = append(s.Outputs, int32(o+more*(o+1)/r))
		}
	}
	taken, h := b.p.Scratch("taken", compute.PerOutput(1), k), b.p.Scratch("h", compute.PerOutput(1), k)
	b.p.Add("take", compute.TakeRows{X: b.feed("x", k), Out: taken})
	b.p.Add("norm", compute.RMSNorm{X: taken, Weight: b.random("weight", 1, k), Out: h, Eps: 1e-5})
	b.p.Add("out", compute.MatMul{X: h, W: b.weight("w", f, n, k), Out: b.outputRows("out", compute.PerOutput(1), n)})
}

// projected is the shape and dress of one way into attention.
type projected struct {
	format, other       compute.DType // of query and key, and of value where that differs
	rows, k, d          int
	pairing             compute.Pairing
	kv                  compute.DType
	v                   compute.DType // of the cache of values; none: as kv
	page                int
	layer               bool // norm is a LayerNorm
	norm, bias, partial bool // partial: only half of each head is rotated
	heads               bool // queries and keys are normalised head by head
	after               bool // behind their rotation
	row                 bool // they are normalised as a row instead
	still               bool // nothing is rotated
}

// projected normalises, projects, rotates and stores.
func (b *build) projected(p projected) {
	b.o.NoFuse = false
	const heads, kvHeads, before = 4, 2, 9
	pg := b.paged(p.page, before+2*p.rows)
	tables := [][]int32{pg.take(before + 2*p.rows)}
	b.step(tables, seq{p.rows, before + p.rows})
	b.step(tables, seq{p.rows, before + 2*p.rows}) // once more: what a kernel counts begins anew
	h := b.feed("x", p.k)
	switch {
	case p.layer:
		h = b.layered(h, !p.bias, 1)
	case p.norm:
		h = b.normed("h", h)
	}
	rot := p.d
	if p.partial {
		rot = p.d / 2
	}
	var out [3]compute.Ref
	for i, name := range []string{"q", "k", "v"} {
		f, n := p.format, kvHeads*p.d
		switch {
		case i == 0:
			n = heads * p.d
		case i == 2 && p.other != compute.NoDType:
			f = p.other
		}
		out[i] = b.scratch(name, n)
		op := compute.MatMul{X: h, W: b.weight("w"+name, f, n, p.k), Out: out[i]}
		if p.bias {
			op.Bias = b.random("bias"+name, 1, n)
		}
		b.p.Add(name, op)
	}
	if p.v == compute.NoDType {
		p.v = p.kv
	}
	kc, vc := b.cache("k_cache", p.kv, kvHeads*p.d, tables, []int{before}), b.cache("v_cache", p.v, kvHeads*p.d, tables, []int{before})
	norms := func() {
		for i, name := range []string{"norm_q", "norm_k"} {
			cols := b.p.At(out[i]).Cols
			norm := compute.RMSNorm{X: out[i], Out: b.scratch(name, cols), Eps: 1e-5}
			if !p.row {
				norm.Group, cols = p.d, p.d
			}
			norm.Weight = b.random(name+".weight", 1, cols)
			b.p.Add(name, norm)
			out[i] = norm.Out
		}
	}
	if (p.heads || p.row) && !p.after {
		norms()
	}
	if !p.still {
		table := b.angles(before+2*p.rows, rot)
		for i, name := range []string{"rope_q", "rope_k"} {
			op := compute.RoPE{X: out[i], Table: table, Out: b.scratch(name, b.p.At(out[i]).Cols), NumHeads: pick([]int{heads, kvHeads}, i), HeadDim: p.d, RotDim: rot, Pairing: p.pairing}
			b.p.Add(name, op)
			out[i] = op.Out
		}
	}
	if p.after {
		norms()
	}
	b.p.At(out[0]).Role = compute.Output
	b.p.Add("kvstore", compute.KVStore{K: out[1], V: out[2], KCache: kc, VCache: vc})
}

// ropeStore rotates queries and keys, stores keys and values, and with attend reads them again.
func (b *build) ropeStore(r, d int, pairing compute.Pairing, kt, vt compute.DType, page int, attend bool) {
	const heads, kvHeads, before = 4, 2, 9
	pg := b.paged(page, before+r)
	tables := [][]int32{pg.take(before + r)}
	b.step(tables, seq{r, before + r})
	q, k, v := b.feed("q", heads*d), b.feed("k", kvHeads*d), b.feed("v", kvHeads*d)
	kc, vc := b.cache("k_cache", kt, kvHeads*d, tables, []int{before}), b.cache("v_cache", vt, kvHeads*d, tables, []int{before})
	table := b.angles(before+r, d)
	kr := b.scratch("k_rope", kvHeads*d)
	qr := b.scratch
	if !attend {
		qr = b.output
	}
	qRope := qr("q_rope", heads*d)
	b.p.Add("rope_q", compute.RoPE{X: q, Table: table, Out: qRope, NumHeads: heads, HeadDim: d, RotDim: d, Pairing: pairing})
	b.p.Add("rope_k", compute.RoPE{X: k, Table: table, Out: kr, NumHeads: kvHeads, HeadDim: d, RotDim: d, Pairing: pairing})
	b.p.Add("kvstore", compute.KVStore{K: kr, V: v, KCache: kc, VCache: vc})
	if attend {
		b.p.Add("attention", compute.Attention{Q: qRope, K: kc, V: vc, Out: b.output("out", heads*d), NumHeads: heads, NumKVHeads: kvHeads,
			HeadDim: d, HeadDimV: d, Scale: float32(1 / math.Sqrt(float64(d))), Causal: true, Paged: true})
	}
}
