package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// latent adds what latent attention is made of: columns, a matrix for each head, caches of keys alone, and values that are the
// beginnings of their keys.
func (l *list) latent() {
	for i, groups := range []int{1, 2, 3, 16, 128} {
		for j, n := range [][4]int{{1, 0, 0, 0}, {16, 5, 0, 0}, {512, 0, 0, 0}, {512, 0, 64, 0}, {32, 1, 8, 3}, {1, 2, 127, 1}, {3, 0, 3, 7}} {
			rows := pick([]int{1, 2, 9, 33}, i+j)
			l.add("columns", fmt.Sprintf("g%d_%d+%d_r%d", groups, n[0], n[2], rows), 0, (i+j)%3 == 0, func(b *build) {
				b.rows(rows)
				op := compute.Columns{Groups: groups, NumA: n[0], FromA: n[1], NumB: n[2], FromB: n[3]}
				op.A = b.feed("a", groups*(n[0]+n[1]+i))
				if n[2] > 0 {
					op.B = b.feed("b", groups*(n[2]+n[3]+j%3))
				}
				op.Out = b.output("out", groups*(n[0]+n[2]))
				b.p.Add("columns", op)
			})
		}
	}
	for i, f := range compute.WeightFormats() {
		for j, rows := range []int{1, 2, 8, 9, 33} {
			k, n, heads := blocksOf(f, pick([]int{16, 33, 64, 128}, i+j)), pick([]int{1, 20, 32, 65}, i+2*j), pick([]int{1, 2, 5, 16}, j+i/2)
			l.add("matmul_heads", fmt.Sprintf("%v_h%d_n%d_k%d_r%d", f, heads, n, k, rows), f, i%3 == 0 && j == i/3%5, func(b *build) {
				b.rows(rows)
				w := b.weight("w", f, heads*n, k)
				b.lead[w] = j % 3
				b.p.Add("matmul_heads", compute.MatMulHeads{X: b.feed("x", heads*k), W: w, Out: b.output("out", heads*n), NumHeads: heads})
			})
		}
	}
	for i, d := range [][2]int{{40, 32}, {48, 48}, {33, 7}, {72, 64}, {320, 256}, {576, 512}} {
		for j, h := range [][2]int{{1, 1}, {4, 1}, {16, 1}, {6, 2}} {
			for _, q := range []seq{{1, 70}, {1, 300}, {19, 40}} {
				m := at{heads: h[0], kvHeads: h[1], d: d[0], dv: d[1], kv: pick(kvTypes, i+j), page: pick(pageSizes, i+j), seqs: []seq{q}, causal: true, latent: true}
				l.at(fmt.Sprintf("latent_d%d_dv%d_h%d-%d_%v_q%d_n%d", d[0], d[1], h[0], h[1], m.kv, q.count, q.len), m, (i+j)%3 == 0 && q.len != 300)
			}
		}
	}
	for i, cols := range []int{1, 33, 127, 128, 129, 1024} {
		for j, rows := range []int{1, 2, 9, 40} {
			l.add("add", fmt.Sprintf("one_row_c%d_r%d", cols, rows), 0, i%3 == j%3, func(b *build) {
				b.rows(rows)
				b.p.Add("add", compute.Add{A: b.feed("a", cols), B: b.random("b", 1, cols), Out: b.output("out", cols)})
			})
		}
	}
	for i, cols := range []int{1, 40, 576} {
		for j, t := range kvTypes {
			l.add("kvstore", fmt.Sprintf("keys_%d_%v", cols, t), 0, i == 1, func(b *build) {
				pg := b.paged(pick(pageSizes, i+j), 20, 7)
				tables := [][]int32{pg.take(20), pg.take(7)}
				b.step(tables, seq{3, 20}, seq{2, 7})
				b.p.Add("kvstore", compute.KVStore{K: b.feed("k", cols), KCache: b.cache("k_cache", t, cols, tables, []int{17, 5})})
			})
		}
	}
}
