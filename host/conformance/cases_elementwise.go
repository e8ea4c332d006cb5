package conformance

import (
	"fmt"

	"tuff/host/compute"
)

func (l *list) activation() {
	for fn := compute.SiLU; fn <= compute.Identity; fn++ {
		for i, cols := range []int{1, 3, 31, 64, 127, 128, 129, 512, 5120} {
			for j, spread := range []float64{1, 8, 60, 1e-6} {
				up := (i+j)%2 == 0 || fn == compute.ClampedSiLU
				rows := pick([]int{1, 2, 9, 33}, i+j)
				l.add("activation", fmt.Sprintf("%v_c%d_r%d_spread%g_up-%t", fn, cols, rows, spread, up), 0, i == 5 || j == i%4 && i%3 == 0, func(b *build) {
					b.rows(rows)
					b.spread = spread
					op := compute.Activation{X: b.feed("x", cols), Out: b.output("out", cols), Fn: fn}
					if up {
						if i%3 == 2 { // one row for all
							op.Up = b.random("up", 1, cols)
						} else {
							op.Up = b.feed("up", cols)
						}
					}
					b.p.Add("activation", op)
				})
			}
		}
		l.add("activation", fmt.Sprintf("%v_fixed_rows_at_an_offset", fn), 0, true, func(b *build) {
			b.rows(1)
			x, up := b.random("x", 9, 77), b.random("up", 9, 77)
			b.lead[x], b.lead[up] = 1, 2
			b.p.Add("activation", compute.Activation{X: x, Up: up, Out: b.outputRows("out", compute.Rows(9), 77), Fn: fn})
		})
	}
}

func (l *list) scale() {
	for i, cols := range []int{1, 3, 64, 127, 128, 129, 1000, 8192} {
		for j, capped := range []float32{0, 30, 50, 0.5} {
			factor := pick([]float32{0.0625, -3, 1, 12}, i+j)
			rows := pick([]int{1, 2, 17}, i+j)
			l.add("scale", fmt.Sprintf("c%d_r%d_by%g_cap%g", cols, rows, factor, capped), 0, j == i%4, func(b *build) {
				b.rows(rows)
				b.spread = pick([]float64{1, 100, 1e-5}, i)
				b.p.Add("scale", compute.Scale{X: b.feed("x", cols), Out: b.output("out", cols), Factor: factor, Cap: capped})
			})
		}
	}
}

// positions adds lookups by position and the angles of long sequences.
func (l *list) positions() {
	for i, f := range []compute.DType{compute.F32, compute.F16, compute.Q8_0, compute.Q4_K} {
		for j, t := range []int{1, 2, 17} {
			l.add("embed", fmt.Sprintf("positions_%v_t%d", f, t), f, j == 1, func(b *build) {
				b.step(nil, seq{t, 20 + t})
				b.p.MaxPos = 50
				b.p.Add("embed", compute.Embed{Table: b.weight("table", f, 50+i, 256), Out: b.output("out", 256), Scale: 1, Positions: true})
			})
		}
	}
	for i, d := range []int{16, 64, 96} {
		for _, long := range []bool{false, true} {
			for _, fused := range []bool{false, true} {
				l.add("rope", fmt.Sprintf("long-%t_d%d_fused-%t", long, d, fused), 0, true, func(b *build) {
					const heads, kvHeads, before = 4, 2, 9
					t := 3 + i
					pg := b.paged(8, before+t)
					tables := [][]int32{pg.take(before + t)}
					s := b.step(tables, seq{t, before + t})
					from := before + t
					if long {
						s.Seqs[0].Until = from + 1 // what is to come counts
					}
					table := b.angles(before+t, d)
					stretched := b.floats("long_angles", before+t, d, func(int, int) float32 { return b.uniform() })
					rope := func(label string, x, out compute.Ref, h int) {
						b.p.Add(label, compute.RoPE{X: x, Table: table, Long: stretched, LongFrom: from, Out: out, NumHeads: h, HeadDim: d, RotDim: d, Pairing: compute.Halves})
					}
					rope("rope_q", b.feed("q", heads*d), b.output("q_rope", heads*d), heads)
					if fused {
						b.o.NoFuse = false
						kr := b.scratch("k_rope", kvHeads*d)
						rope("rope_k", b.feed("k", kvHeads*d), kr, kvHeads)
						b.p.Add("kvstore", compute.KVStore{K: kr, V: b.feed("v", kvHeads*d), KCache: b.cache("k_cache", compute.F32, kvHeads*d, tables, []int{before}),
							VCache: b.cache("v_cache", compute.F16, kvHeads*d, tables, []int{before})})
					}
				})
			}
		}
	}
}

// raggedUses are the uses of each expert at the edges of tiles of 32 and 64.
var raggedUses = []int{0, 1, 31, 32, 33, 63, 64, 65, 0}
