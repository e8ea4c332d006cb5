package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// smallCaches are pairs of types of keys and values, of which at least one is smaller than F16 or not as precise.
var smallCaches = [][2]compute.DType{
	{compute.Q8_0, compute.Q8_0}, {compute.Q4_0, compute.Q4_0}, {compute.BF16, compute.BF16},
	{compute.Q8_0, compute.Q4_0}, {compute.Q4_0, compute.F16}, {compute.F32, compute.Q8_0}, {compute.F16, compute.BF16},
}

// caches adds the ops that store or read keys and values in BF16, Q8_0 and Q4_0: kvstore alone and behind RoPE, and attention.
func (l *list) caches() {
	for i, t := range smallCaches {
		for j, cols := range [][2]int{{32, 32}, {96, 64}, {128, 1024}} {
			count := pick([]int{1, 19}, i+j)
			l.add("kvstore", fmt.Sprintf("small_k%d_%v_v%d_%v_t%d", cols[0], t[0], cols[1], t[1], count), 0, j == i%3, func(b *build) {
				before := pick([]int{0, 15, 40}, i+j)
				pg := b.paged(pick(pageSizes, i+j), before+count+2, 7)
				tables := [][]int32{pg.take(before + count + 2), pg.take(7)}
				b.spread = pick([]float64{1, 1e4, 1, 1e-6}, i+j) // scales: usual, large, subnormal
				b.step(tables[:1], seq{count, before + count})
				b.step(tables, seq{2, before + count + 2}, seq{2, 7})
				kc, vc := b.cache("k_cache", t[0], cols[0], tables, []int{before, 5}), b.cache("v_cache", t[1], cols[1], tables, []int{before, 5})
				b.lead[kc], b.lead[vc] = 2*(j%2), 2*(i%2)
				b.p.Add("kvstore", compute.KVStore{K: b.feed("k", cols[0]), V: b.feed("v", cols[1]), KCache: kc, VCache: vc})
			})
		}
	}
	// Blocks whose scale is the matter: zero, one element that is far larger, the largest of either sign and twice, some at the
	// middles between levels, where either is right.
	for _, t := range []compute.DType{compute.Q8_0, compute.Q4_0} {
		for j, kind := range []string{"zeros", "outlier", "largest_twice", "middles"} {
			l.add("kvstore", fmt.Sprintf("blocks_of_%s_%v", kind, t), 0, true, func(b *build) {
				pg := b.paged(16, 20)
				tables := [][]int32{pg.take(20)}
				b.step(tables, seq{5, 20})
				gen := func(r, c int) float32 {
					switch {
					case j == 0 && c/32%2 == 0:
						return 0
					case j == 1 && c%32 == r%32:
						return 1000 * b.uniform()
					case j == 2 && (c%32 == 3 || c%32 == 20):
						return []float32{2, -2}[(c/16+r)%2]
					case j == 3 && c%32 == 7:
						return []float32{127, -8}[map[compute.DType]int{compute.Q8_0: 0, compute.Q4_0: 1}[t]]
					case j == 3 && c%16 == 5:
						return float32(b.rng.IntN(14)-7) + 0.5
					case j == 3:
						return float32(b.rng.IntN(14) - 7)
					}
					return b.uniform()
				}
				b.p.Add("kvstore", compute.KVStore{K: b.feedOf("k", 96, gen), V: b.feedOf("v", 64, gen),
					KCache: b.cache("k_cache", t, 96, tables, []int{15}), VCache: b.cache("v_cache", t, 64, tables, []int{15})})
			})
		}
	}
	for i, t := range []compute.DType{compute.Q8_0, compute.Q4_0, compute.BF16} {
		l.add("kvstore", fmt.Sprintf("small_keys_576_%v", t), 0, i < 2, func(b *build) {
			pg := b.paged(pick(pageSizes, i), 20, 7)
			tables := [][]int32{pg.take(20), pg.take(7)}
			b.step(tables, seq{3, 20}, seq{2, 7})
			b.p.Add("kvstore", compute.KVStore{K: b.feed("k", 576), KCache: b.cache("k_cache", t, 576, tables, []int{17, 5})})
		})
	}
	for i, t := range smallCaches {
		for j, d := range []int{32, 64, 96, 128} {
			if (i+j)%2 == 1 {
				continue
			}
			pairing := pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j/2)
			l.add("rope_kvstore", fmt.Sprintf("small_%v_%v_%v_d%d", t[0], t[1], pairing, d), 0, i%3 == j/2, func(b *build) {
				b.o.NoFuse = false
				b.ropeStore(pick([]int{1, 3, 17}, i+j), d, pairing, t[0], t[1], pick(pageSizes, i+j), i%2 == 1)
			})
		}
		for j, rows := range []int{1, 5, 33} {
			p := projected{format: pick([]compute.DType{compute.F16, compute.Q8_0, compute.Q4_K}, i+j), rows: rows, d: pick([]int{32, 64, 96}, i+j),
				pairing: pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j), kv: t[0], v: t[1], page: pick(pageSizes, i+j), norm: i%2 == 0, bias: j == 1}
			p.k = blocksOf(p.format, 96)
			l.add("rmsnorm_matmul_rope_kvstore", fmt.Sprintf("small_%v_%v_r%d_d%d", t[0], t[1], rows, p.d), p.format, false, func(b *build) { b.projected(p) })
		}
	}
	l.smallAttention()
}

func (l *list) smallAttention() {
	for i, t := range smallCaches {
		for j, d := range []int{32, 64, 96, 128, 256} {
			q := pick([]seq{{1, 50}, {5, 37}, {18, 18}}, i+j)
			h := pick(gqa, i+3*j)
			m := at{heads: h[0], kvHeads: h[1], d: d, kv: t[0], v: t[1], page: pick(pageSizes, i+j), seqs: []seq{q}, causal: true}
			l.at(fmt.Sprintf("small_d%d_h%d-%d_%v_%v_q%d", d, h[0], h[1], t[0], t[1], q.count), m, j == i%5)
		}
	}
	for i, t := range smallCaches[:3] {
		for j, n := range []int{65, 300, 1025} { // split contexts
			m := at{heads: 4, kvHeads: 2, d: 64, kv: t[0], page: pick(pageSizes, i+j), seqs: []seq{{1, n}, {2, 40}}, causal: true}
			l.at(fmt.Sprintf("small_context_%d_%v", n, t[0]), m, false)
		}
		for j, d := range [][2]int{{96, 64}, {64, 40}, {576, 512}} { // values end within a block
			for _, q := range []seq{{1, 70}, {19, 40}} {
				m := at{heads: 4, kvHeads: 1, d: d[0], dv: d[1], kv: t[0], page: pick(pageSizes, i+j), seqs: []seq{q}, causal: true, latent: true}
				l.at(fmt.Sprintf("small_latent_d%d_dv%d_%v_q%d", d[0], d[1], t[0], q.count), m, i == j && q.count == 1)
			}
		}
		m := at{heads: 4, kvHeads: 2, d: 64, dv: 32, kv: t[0], page: 8, seqs: []seq{{20, 20}, {1, 50}, {3, 3}}, causal: true, window: 24, sinks: true, cap: 20}
		l.at(fmt.Sprintf("small_features_%v", t[0]), m, i == 0)
	}
}
