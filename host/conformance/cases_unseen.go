package conformance

import (
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

// unseen are attentions with keys and values that are no numbers, at positions that some queries of the step do not see, and some
// that none does: in the future of causal rows, outside of windows and of chunks. Those queries must be as if nothing were there,
// though they share tiles of keys with others; what the others give is of no account.
func (l *list) unseen() {
	for i, t := range []compute.DType{compute.F32, compute.F16, compute.BF16, compute.Q8_0, compute.Q4_0} {
		for _, c := range []struct {
			name string
			m    at
		}{
			{"future", at{seqs: []seq{{35, 66}, {3, 9}}, odd: []int{7, 50, 65}}},
			{"window", at{seqs: []seq{{35, 66}}, window: 8, odd: []int{3, 27, 60}}},
			{"chunk", at{seqs: []seq{{40, 70}}, chunk: 32, odd: []int{5, 40}}},
			{"one_row", at{seqs: []seq{{1, 66}, {1, 40}}, window: 8, odd: []int{3, 50}}},
			{"few_rows", at{seqs: []seq{{5, 66}, {2, 300}}, odd: []int{63, 299}}},
			{"rows", at{seqs: []seq{{33, 33}, {18, 18}}, odd: []int{17, 20}}},
			{"latent", at{seqs: []seq{{19, 40}}, latent: true, dv: 24, odd: []int{30}}},
		} {
			for _, where := range []int{0, 1} {
				m := c.m
				m.heads, m.kvHeads, m.d, m.kv, m.causal, m.page, m.oddIn = 6, 2, 32, t, true, pick(pageSizes, i), where
				if c.name == "rows" {
					if m.page = 0; t != compute.F32 {
						continue
					}
				}
				if m.latent && t.Quantized() {
					m.dv = 32
				}
				l.at(fmt.Sprintf("unseen_%s_%v_in%d", c.name, t, where), m, i < 2 || (i+where)%2 == 0)
			}
		}
	}
}

// plant makes what lies at the positions odd no numbers.
func (m at) plant(b *build, op compute.Attention) {
	b.odd = len(m.odd) > 0
	for _, pos := range m.odd {
		for i := range b.steps[0].Seqs {
			q := &b.steps[0].Seqs[i]
			if pos >= q.Len {
				continue
			}
			row := q.First + pos
			if m.page > 0 {
				row = slot(b.p, q, pos)
			}
			if m.oddIn == 0 && !m.latent {
				b.oddRow(op.K, row, 5)
			}
			b.oddRow(op.V, row, 1+4*(1-m.oddIn))
		}
	}
}

// oddRow puts NaN and infinities of both signs by turns into every few elements, or blocks, of a row of keys or values.
func (b *build) oddRow(r compute.Ref, row, every int) {
	for _, in := range b.p.Instrs { // what is fed lies in a table
		if e, ok := in.Op.(compute.Embed); ok && e.Out == r {
			r = e.Table
		}
	}
	t := b.p.At(r)
	size, data := t.DType.BlockBytes(), b.data[r]
	bytes := len(data) / t.Rows.Fixed
	if t.DType.Quantized() {
		every = 1
	}
	for i := range t.Cols / t.DType.BlockLen() / every {
		v := float32([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i%3])
		switch at := data[row*bytes+i*every*size:]; t.DType {
		case compute.F32:
			binary.LittleEndian.PutUint32(at, math.Float32bits(v))
		case compute.BF16:
			binary.LittleEndian.PutUint16(at, compute.F32ToBF16(v))
		default: // a half, or the scale of a block
			binary.LittleEndian.PutUint16(at, compute.F32ToF16(v))
		}
	}
}
