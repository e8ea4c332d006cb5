package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

// at is one attention: its shape, its features and its sequences.
type at struct {
	heads, kvHeads int
	d, dv          int // dv 0: as d
	kv             compute.DType
	v              compute.DType // of values; none: as kv
	page           int           // 0: keys are rows of the batch
	seqs           []seq
	causal         bool
	window         int
	chunk          int
	cap            float32
	sinks          bool
	spread         float64                       // of Q; larger makes the softmax sharper
	scale          float32                       // 0: 1/√d
	reach          int                           // distances of a bias table; 0: none
	latent         bool                          // values are the beginnings of their keys
	result         func(b *build, x compute.Ref) // what takes it; none: it is the output
	odd            []int                         // positions whose keys or values are no numbers
	oddIn          int                           // 0: a few elements of both, of every head; 1: all elements of the values
}

func (m at) fill(b *build) {
	if m.dv == 0 {
		m.dv = m.d
	}
	if m.scale == 0 {
		m.scale = float32(1 / math.Sqrt(float64(m.d)))
	}
	op := compute.Attention{NumHeads: m.heads, NumKVHeads: m.kvHeads, HeadDim: m.d, HeadDimV: m.dv, Scale: m.scale,
		SoftCap: m.cap, Causal: m.causal, Window: m.window, Chunk: m.chunk, Paged: m.page > 0}
	if m.page > 0 {
		var lens []int
		for _, q := range m.seqs {
			lens = append(lens, q.len)
		}
		pg := b.paged(m.page, lens...)
		var tables [][]int32
		for _, n := range lens {
			tables = append(tables, pg.take(n))
		}
		b.step(tables, m.seqs...)
		op.K = b.cache("k", m.kv, m.kvHeads*m.d, tables, lens)
		if op.V = op.K; !m.latent {
			t := m.kv
			if m.v != compute.NoDType {
				t = m.v
			}
			op.V = b.cache("v", t, m.kvHeads*m.dv, tables, lens)
		}
	} else {
		b.step(nil, m.seqs...)
		op.K, op.V = b.feed("k", m.kvHeads*m.d), b.feed("v", m.kvHeads*m.dv)
	}
	if m.spread != 0 {
		b.spread = m.spread
	}
	op.Q = b.feed("q", m.heads*m.d)
	if m.sinks {
		b.spread = 3
		op.Sinks = b.random("sinks", 1, m.heads)
	}
	if m.reach > 0 {
		b.spread = 3
		op.Bias = b.random("bias", 2*m.reach+1, m.heads)
	}
	if m.result == nil {
		op.Out = b.output("out", m.heads*m.dv)
	} else {
		op.Out = b.scratch("attention", m.heads*m.dv)
	}
	b.p.Add("attention", op)
	if m.result != nil {
		m.result(b, op.Out)
	}
	m.plant(b, op)
}

func (l *list) at(name string, m at, quick bool) { l.add("attention", name, 0, quick, m.fill) }

var (
	headDims  = []int{16, 32, 48, 64, 80, 96, 112, 128, 192, 256, 40, 7, 33}
	gqa       = [][2]int{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {7, 1}, {8, 1}, {4, 4}, {8, 2}, {6, 2}, {14, 2}}
	kvTypes   = []compute.DType{compute.F32, compute.F16}
	pageSizes = []int{16, 32, 1, 64, 8, 256}
)

func (l *list) attention() {
	// Head sizes with grouped queries, for one query, a few and a prompt: every two of the three axes meet, each time in a kernel of its own,
	// which a software driver compiles for a second.
	for i, d := range headDims {
		for j, h := range gqa {
			for k, q := range []seq{{1, 50}, {5, 37}, {18, 18}} {
				quick := (i+j)%5 == 0 && k == i%3
				if !quick && (i+2*j+k)%3 != 0 {
					continue
				}
				m := at{heads: h[0], kvHeads: h[1], d: d, kv: pick(kvTypes, i+j+k), page: pick(pageSizes, i+j+k), seqs: []seq{q}, causal: true}
				l.at(fmt.Sprintf("head_d%d_h%d-%d_%v_p%d_q%d", d, h[0], h[1], m.kv, m.page, q.count), m, quick)
			}
		}
	}
	// The length of the context, around tiles and splits.
	for i, n := range append(edges, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 2000) {
		for j, kv := range kvTypes {
			for _, count := range []int{1, 3, 20} {
				if count > n || (count == 20 && n > 600) {
					continue
				}
				m := at{heads: 4, kvHeads: 2, d: 32, kv: kv, page: pick(pageSizes, i+j), seqs: []seq{{count, n}}, causal: true}
				l.at(fmt.Sprintf("context_%d_%v_q%d", n, kv, count), m, i%6 == j && count == 1)
			}
		}
	}
	// How many queries, behind a context and without.
	for i, count := range edges {
		for j, before := range []int{0, 1, 16, 70} {
			m := at{heads: 3, kvHeads: 1, d: pick([]int{64, 48}, i), kv: pick(kvTypes, i+j), page: pick(pageSizes, i+j), seqs: []seq{{count, before + count}}, causal: j != 2}
			l.at(fmt.Sprintf("queries_%d_after_%d", count, before), m, i%6 == j)
		}
	}
	// Every combination of the features.
	for _, causal := range []bool{true, false} {
		for wi, window := range []int{0, 1, 5, 16, 33, 200} {
			for ci, cap := range []float32{0, 2, 50} {
				for _, sinks := range []bool{false, true} {
					for qi, q := range []seq{{1, 77}, {3, 40}, {35, 66}} {
						m := at{heads: 4, kvHeads: 2, d: 32, kv: pick(kvTypes, wi+qi), page: pick(pageSizes, ci+qi), seqs: []seq{q}, causal: causal,
							window: window, cap: cap, sinks: sinks, spread: 4}
						l.at(fmt.Sprintf("features_causal-%t_window%d_cap%g_sinks-%t_q%d", causal, window, cap, sinks, q.count), m, (wi+ci+qi)%5 == 0)
					}
				}
			}
		}
	}
	// Several sequences in shuffled pages of every size.
	for i, page := range []int{1, 2, 8, 16, 32, 64, 128, 256} {
		for j, seqs := range [][]seq{
			{{1, 1}, {1, 100}},
			{{1, 33}, {1, 64}, {1, 65}, {1, 2}},
			{{20, 20}, {1, 50}, {3, 3}, {17, 90}},
			{{1, 300}, {40, 40}},
			{{2, 9}, {2, 9}, {2, 9}, {2, 9}, {2, 9}, {2, 9}, {2, 9}, {2, 9}},
		} {
			m := at{heads: 4, kvHeads: 2, d: 64, kv: pick(kvTypes, i+j), page: page, seqs: seqs, causal: true, window: pick([]int{0, 0, 24}, i+j)}
			l.at(fmt.Sprintf("sequences%d_p%d", j, page), m, i%5 == j)
		}
	}
	// Chunks: queries at their first and last positions and across their ends, smaller than a tile and larger, with other masks.
	for i, chunk := range []int{1, 2, 7, 16, 17, 32, 64, 100, 1000} {
		for j, q := range []seq{{1, chunk}, {1, chunk + 1}, {3, 2*chunk + 1}, {20, 3*chunk + 19}, {2*chunk + 1, 2*chunk + 1}, {1, 333}} {
			if q.count > 150 || q.len > 1100 || q.count > q.len {
				continue
			}
			m := at{heads: 4, kvHeads: 2, d: 32, kv: pick(kvTypes, i+j), page: pick(pageSizes, i+j), seqs: []seq{q, {2, 9}}, causal: (i+j)%4 != 3,
				chunk: chunk, window: pick([]int{0, 0, 5}, i+j), sinks: (i+j)%5 == 2}
			l.at(fmt.Sprintf("chunk%d_causal-%t_window%d_q%d_n%d", chunk, m.causal, m.window, q.count, q.len), m, (i+j)%3 == 0)
			if m.page, m.seqs = 0, []seq{{q.len, q.len}, {3, 3}}; q.len <= 150 && q.count != 1 {
				l.at(fmt.Sprintf("chunk%d_rows%d_causal-%t_window%d_n%d", chunk, q.count, m.causal, m.window, q.len), m, (i+j)%4 == 0)
			}
		}
	}
	// A bias by distance, that reaches less far than the context, as far and farther.
	for i, reach := range []int{1, 7, 63, 64, 200} {
		for j, h := range [][2]int{{1, 1}, {6, 2}, {4, 4}} {
			for k, q := range []seq{{1, 70}, {1, 300}, {5, 64}, {33, 40}} {
				m := at{heads: h[0], kvHeads: h[1], d: 32, kv: pick(kvTypes, i+j), page: pick(pageSizes, i+k), seqs: []seq{q, {3, 9}}, causal: k%2 == 0,
					reach: reach, sinks: i == 2, cap: float32(j), window: pick([]int{0, 0, 24}, i+k)}
				l.at(fmt.Sprintf("bias_reach%d_h%d-%d_q%d_n%d", reach, h[0], h[1], q.count, q.len), m, (i+j)%3 == 0 && q.len != 300)
				m.page, m.seqs = 0, []seq{{q.len, q.len}, {4, 4}}
				if k != 1 {
					l.at(fmt.Sprintf("bias_rows_reach%d_h%d-%d_n%d", reach, h[0], h[1], q.len), m, (i+j+k)%5 == 0)
				}
			}
		}
	}
	// Keys that are rows of the batch: encoders and the textbook.
	for i, n := range []int{1, 2, 7, 15, 16, 17, 33, 64, 65, 130} {
		for _, causal := range []bool{true, false} {
			for j, h := range gqa {
				if j%3 != i%3 {
					continue
				}
				m := at{heads: h[0], kvHeads: h[1], d: pick(headDims, i+j), seqs: []seq{{n, n}}, causal: causal}
				l.at(fmt.Sprintf("rows_%d_causal-%t_h%d-%d_d%d", n, causal, h[0], h[1], m.d), m, j == i)
			}
			m := at{heads: 2, kvHeads: 1, d: 32, seqs: []seq{{n, n}, {3, 3}, {n + 1, n + 1}}, causal: causal, window: pick([]int{0, 6}, i), sinks: i%2 == 1}
			l.at(fmt.Sprintf("rows_of_three_%d_causal-%t", n, causal), m, i%4 == 1)
		}
	}
	// Values of another width than keys, sharp and flat softmax, odd scales.
	for i, dv := range []int{1, 16, 40, 64, 128, 256} {
		for j, d := range []int{16, 48, 192} {
			for _, count := range []int{1, 19} {
				m := at{heads: 4, kvHeads: 2, d: d, dv: dv, kv: pick(kvTypes, i+j), page: 16, seqs: []seq{{count, 45}}, causal: true}
				l.at(fmt.Sprintf("value_width_d%d_dv%d_q%d", d, dv, count), m, i%3 == j && count == 1)
			}
		}
	}
	for i, spread := range []float64{1e-20, 1e-3, 30, 300, 3000} {
		for _, count := range []int{1, 19} {
			m := at{heads: 2, kvHeads: 1, d: 64, kv: pick(kvTypes, i), page: 32, seqs: []seq{{count, 150}}, causal: true, spread: spread}
			l.at(fmt.Sprintf("sharpness_%g_q%d", spread, count), m, true)
			m.scale, m.sinks = -0.07, true
			l.at(fmt.Sprintf("sharpness_%g_sinks_q%d", spread, count), m, false)
		}
	}
}
