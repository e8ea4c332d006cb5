package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// llama is a small decoder of the Llama family with random weights.
type llama struct {
	layers, hidden, heads, kvHeads, d, ffn, vocab int
	format, kv                                    compute.DType
	pairing                                       compute.Pairing
	window                                        int
	bias                                          bool
}

// decode appends the whole program; steps must exist.
func (m llama) decode(b *build, tables [][]int32, positions int) {
	b.p.VocabSize = m.vocab
	for _, s := range b.steps {
		for i := range s.Tokens {
			s.Tokens[i] = int32(b.rng.IntN(m.vocab))
		}
	}
	held := make([]int, len(tables))
	angles := b.angles(positions, m.d)
	x := b.scratch("x", m.hidden)
	b.p.Add("token_embd", compute.Embed{Table: b.weight("embd", m.format, m.vocab, m.hidden), Out: x, Scale: 3})
	for i := range m.layers {
		l := func(name string) string { return fmt.Sprintf("blk.%d.%s", i, name) }
		h := m.norm(b, l("attn_norm"), x, compute.PerToken(1))
		q := m.project(b, l("attn_q"), h, m.heads*m.d, m.bias)
		k := m.project(b, l("attn_k"), h, m.kvHeads*m.d, m.bias)
		v := m.project(b, l("attn_v"), h, m.kvHeads*m.d, m.bias)
		kc := b.cache(l("k_cache"), m.kv, m.kvHeads*m.d, tables, held)
		vc := b.cache(l("v_cache"), m.kv, m.kvHeads*m.d, tables, held)
		qr, kr := b.scratch(l("q_rope"), m.heads*m.d), b.scratch(l("k_rope"), m.kvHeads*m.d)
		b.p.Add(l("rope_q"), compute.RoPE{X: q, Table: angles, Out: qr, NumHeads: m.heads, HeadDim: m.d, RotDim: m.d, Pairing: m.pairing})
		b.p.Add(l("rope_k"), compute.RoPE{X: k, Table: angles, Out: kr, NumHeads: m.kvHeads, HeadDim: m.d, RotDim: m.d, Pairing: m.pairing})
		b.p.Add(l("kvstore"), compute.KVStore{K: kr, V: v, KCache: kc, VCache: vc})
		a := b.scratch(l("attn"), m.heads*m.d)
		b.p.Add(l("attention"), compute.Attention{Q: qr, K: kc, V: vc, Out: a, NumHeads: m.heads, NumKVHeads: m.kvHeads, HeadDim: m.d,
			HeadDimV: m.d, Scale: float32(1 / math.Sqrt(float64(m.d))), Causal: true, Paged: true, Window: m.window})
		x = m.sum(b, l("attn_residual"), x, m.project(b, l("attn_output"), a, m.hidden, false))
		h = m.norm(b, l("ffn_norm"), x, compute.PerToken(1))
		gate, up := m.project(b, l("ffn_gate"), h, m.ffn, false), m.project(b, l("ffn_up"), h, m.ffn, false)
		g := b.scratch(l("ffn"), m.ffn)
		b.p.Add(l("swiglu"), compute.SwiGLU{Gate: gate, Up: up, Out: g})
		x = m.sum(b, l("ffn_residual"), x, m.project(b, l("ffn_down"), g, m.hidden, false))
	}
	last := b.p.Scratch("last", compute.PerOutput(1), m.hidden)
	b.p.Add("takerows", compute.TakeRows{X: x, Out: last})
	h := m.norm(b, "output_norm", last, compute.PerOutput(1))
	b.p.Add("output", compute.MatMul{X: h, W: b.weight("head", m.format, m.vocab, m.hidden), Out: b.outputRows("logits", compute.PerOutput(1), m.vocab)})
	b.program = true
}

func (m llama) norm(b *build, label string, x compute.Ref, rows compute.Extent) compute.Ref {
	out := b.p.Scratch(label, rows, m.hidden)
	w := b.floats(label+".weight", 1, m.hidden, func(int, int) float32 { return 1 + b.uniform()/4 })
	b.p.Add(label, compute.RMSNorm{X: x, Weight: w, Out: out, Eps: 1e-5})
	return out
}

func (m llama) project(b *build, label string, x compute.Ref, cols int, bias bool) compute.Ref {
	out := b.scratch(label, cols)
	op := compute.MatMul{X: x, W: b.weight(label+".weight", m.format, cols, b.p.At(x).Cols), Out: out}
	if bias {
		op.Bias = b.random(label+".bias", 1, cols)
	}
	b.p.Add(label, op)
	return out
}

func (m llama) sum(b *build, label string, x, y compute.Ref) compute.Ref {
	out := b.scratch(label, m.hidden)
	b.p.Add(label, compute.Add{A: x, B: y, Out: out})
	return out
}

// programs adds whole decoders, fused and unfused: a prompt, then token by token, then two sequences side by side. The
// float64 formulas are carried through every layer; the reference device must agree as a whole.
func (l *list) programs() {
	for i, f := range []compute.DType{compute.F32, compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0, compute.Q4_1, compute.Q5_0, compute.Q5_1, compute.Q4_K, compute.Q6_K} {
		for _, fuse := range []bool{false, true} {
			m := llama{layers: 1 + i%2, hidden: 64, heads: 4, kvHeads: pick([]int{2, 1, 4}, i), d: 16, ffn: 96, vocab: 70, format: f, kv: pick(kvTypes, i),
				pairing: pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i), window: pick([]int{0, 0, 6}, i), bias: i%3 == 1}
			if f.BlockLen() == 256 {
				m.hidden, m.heads, m.d, m.ffn = 256, 4, 64, 256
			}
			l.add("program", fmt.Sprintf("llama_%v_fused-%t", f, fuse), f, i%3 == 0, func(b *build) {
				b.o.NoFuse = !fuse
				pg := b.paged(8, 20, 9)
				tables := [][]int32{pg.take(20), pg.take(9)}
				b.step(tables[:1], seq{11, 11}).Outputs = []int32{3, 10}
				b.step(tables[:1], seq{1, 12})
				b.step(tables[:1], seq{1, 13})
				b.step(tables, seq{1, 14}, seq{5, 5}).Outputs = []int32{0, 5}
				b.step(tables, seq{6, 20}, seq{4, 9}).Outputs = []int32{5, 9}
				m.decode(b, tables, 20)
			})
		}
	}
}
