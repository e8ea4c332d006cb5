package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// attentionOut adds attention with the multiplication of its result, which may take it in another form than float32: by few rows and
// many, of one sequence and of several, alone and with a residual.
func (l *list) attentionOut() {
	for i, h := range []at{{heads: 4, kvHeads: 2, d: 32, dv: 32}, {heads: 2, kvHeads: 2, d: 64, dv: 96}, {heads: 3, kvHeads: 1, d: 80, dv: 64}} {
		for j, seqs := range [][]seq{{{1, 50}}, {{9, 40}}, {{33, 40}}, {{20, 20}, {3, 3}, {1, 70}}, {{1, 9}, {1, 20}, {1, 3}, {1, 4}, {2, 5}, {1, 6}, {1, 7}, {1, 8}, {1, 1}, {1, 2}}} {
			m, stem := h, "attention_matmul"
			m.page, m.causal, m.seqs, m.kv, m.sinks = 16, true, seqs, pick(kvTypes, i+j), i == 1
			if j%2 == 0 {
				stem += "_add"
			}
			l.add(stem, fmt.Sprintf("h%d-%d_d%d_dv%d_s%d", m.heads, m.kvHeads, m.d, m.dv, j), compute.Q8_0, i == j%3, func(b *build) {
				b.o.NoFuse = false
				m.result = func(b *build, x compute.Ref) {
					n, q := m.heads*m.d, b.feeds[0]
					op := compute.MatMul{X: x, W: b.weight("wo", compute.Q8_0, n, m.heads*m.dv), Out: b.scratch("o", n)}
					if j%2 == 1 {
						op.Out = b.output("out", n)
					}
					b.p.Add("o", op)
					if j%2 == 0 {
						b.p.Add("residual", compute.Add{A: q, B: op.Out, Out: b.output("out", n)})
					}
				}
				m.fill(b)
			})
		}
	}
	l.gatedAttention()
}

// gatedAttention adds attention whose result a sigmoid of something else multiplies.
func (l *list) gatedAttention() {
	for i, d := range []int{32, 40, 96} {
		for j, seqs := range [][]seq{{{1, 50}}, {{1, 700}}, {{3, 40}, {1, 300}}, {{33, 40}}, {{20, 20}, {3, 3}, {1, 70}}} {
			m := at{heads: 4, kvHeads: 2, d: d, page: 16, causal: true, seqs: seqs, kv: pick(kvTypes, i+j), sinks: i == 1, spread: 4}
			l.add("attention_activation", fmt.Sprintf("d%d_s%d", d, j), 0, i == j%3, func(b *build) {
				b.o.NoFuse = false
				m.result = func(b *build, x compute.Ref) {
					b.p.Add("gated", compute.Activation{X: b.feeds[0], Up: x, Out: b.output("out", m.heads*d), Fn: compute.Sigmoid})
				}
				m.fill(b)
			})
		}
	}
}
