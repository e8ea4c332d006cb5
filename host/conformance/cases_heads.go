package conformance

import (
	"fmt"

	"tuff/host/compute"
)

// into is a way into attention of few families: two steps of rows behind a context, so that what a kernel counts begins anew.
type into struct {
	*build
	format  compute.DType
	rows    int
	tables  [][]int32
	pairing compute.Pairing
}

// contextBefore is the number of keys of that context.
const contextBefore = 9

func (b *build) into(f compute.DType, rows, page int, pairing compute.Pairing) into {
	b.o.NoFuse = false
	pg := b.paged(page, contextBefore+2*rows)
	tables := [][]int32{pg.take(contextBefore + 2*rows)}
	b.step(tables, seq{rows, contextBefore + rows})
	b.step(tables, seq{rows, contextBefore + 2*rows})
	return into{b, f, rows, tables, pairing}
}

func (b into) kv(name string, t compute.DType, cols int) compute.Ref {
	return b.cache(name, t, cols, b.tables, []int{contextBefore})
}

// normHeads normalises heads of d elements, or with 0 rows.
func (b into) normHeads(name string, x compute.Ref, d int) compute.Ref {
	out, cols := b.scratch(name, b.p.At(x).Cols), d
	if d == 0 {
		cols = b.p.At(x).Cols
	}
	b.p.Add(name, compute.RMSNorm{X: x, Out: out, Group: d, Weight: b.random(name+".weight", 1, cols), Eps: 1e-5})
	return out
}

func (b into) part(name string, x compute.Ref, groups, from, n int) compute.Ref {
	out := b.scratch(name, groups*n)
	b.p.Add(name, compute.Columns{A: x, Groups: groups, FromA: from, NumA: n, Out: out})
	return out
}

func (b into) rotated(name string, x, table compute.Ref, heads int) compute.Ref {
	cols := b.p.At(x).Cols
	out := b.scratch(name, cols)
	b.p.Add(name, compute.RoPE{X: x, Table: table, Out: out, NumHeads: heads, HeadDim: cols / heads, RotDim: b.p.At(table).Cols, Pairing: b.pairing})
	return out
}

// waysIn adds them: queries beside gates (Qwen3-Next), normalised values with keys of their own or not, and queries alone (Gemma 4), latent
// attention with queries of a vector of their own or not (DeepSeek).
func (l *list) waysIn() {
	const heads, kvHeads = 4, 2
	types := append([][2]compute.DType{{compute.F16, compute.F16}}, smallCaches...)
	for i, t := range types {
		for j, r := range []int{1, 3, 8, 9, 33} {
			f := pick([]compute.DType{compute.F16, compute.Q8_0, compute.Q4_K}, i+j)
			k, d := blocksOf(f, 64), pick([]int{64, 96, 32, 128}, i+j)
			quick, pairing, page := j == i%5 && j < 2 && i%2 == 0, pick([]compute.Pairing{compute.Adjacent, compute.Halves}, i+j), pick(pageSizes, i+j)
			t := t
			if r == 33 { // of so many values one lies between two steps of Q4_0, which are so large that it counts as an error of all
				for c := range t {
					if t[c] == compute.Q4_0 {
						t[c] = compute.Q8_0
					}
				}
			}
			shape := fmt.Sprintf("%d_%v_%v_%v_r%d_d%d", i, f, t[0], t[1], r, d)
			if !quick && (i+j)%3 != 0 {
				continue
			}
			l.add("rmsnorm_matmul_columns_rmsnorm_rope_kvstore", shape, f, quick, func(b *build) {
				in := b.into(f, r, page, pairing)
				h := b.normed("h", b.feed("x", k))
				both, key, value := b.project("q", h, f, 2*heads*d), b.project("k", h, f, kvHeads*d), b.project("v", h, f, kvHeads*d)
				q, gates := in.part("queries", both, heads, 0, d), in.part("gates", both, heads, d, d)
				if j%3 != 2 {
					q, key = in.normHeads("norm_q", q, d), in.normHeads("norm_k", key, d)
				}
				table := b.angles(contextBefore+2*r, d/2)
				q, key = in.rotated("rope_q", q, table, heads), in.rotated("rope_k", key, table, kvHeads)
				b.p.Add("kvstore", compute.KVStore{K: key, V: value, KCache: in.kv("k_cache", t[0], kvHeads*d), VCache: in.kv("v_cache", t[1], kvHeads*d)})
				b.p.At(q).Role, b.p.At(gates).Role = compute.Output, compute.Output
			})
			l.add("rmsnorm_matmul_rmsnorm_rope_kvstore_values", shape, f, quick, func(b *build) {
				in := b.into(f, r, page, pairing)
				h := b.normed("h", b.feed("x", k))
				q, key := b.project("q", h, f, heads*d), b.project("k", h, f, kvHeads*d)
				value := key
				if (i+j)%2 == 0 {
					value = b.project("v", h, f, kvHeads*d)
				}
				q, key, value = in.normHeads("norm_q", q, d), in.normHeads("norm_k", key, d), in.normHeads("norm_v", value, d)
				table := b.angles(contextBefore+2*r, d)
				q, key = in.rotated("rope_q", q, table, heads), in.rotated("rope_k", key, table, kvHeads)
				b.p.Add("kvstore", compute.KVStore{K: key, V: value, KCache: in.kv("k_cache", t[0], kvHeads*d), VCache: in.kv("v_cache", t[1], kvHeads*d)})
				b.p.At(q).Role = compute.Output
			})
			l.add("rmsnorm_matmul_rmsnorm_rope", shape, f, quick, func(b *build) {
				in := b.into(f, r, page, pairing)
				h := b.normed("h", b.feed("x", k))
				if (i+j)%2 == 0 { // something else beside them
					b.p.At(b.project("low", h, pick([]compute.DType{f, compute.F32}, i), 33)).Role = compute.Output
				}
				q := b.project("q", h, f, heads*d)
				if i%2 == 0 {
					q = in.normHeads("norm_q", q, d)
				}
				q = in.rotated("rope_q", q, b.angles(contextBefore+2*r, pick([]int{d, d / 2}, j)), heads)
				b.p.At(q).Role = compute.Output
			})
			rot := d / 4
			l.add("rmsnorm_matmul_latent", shape, f, quick, func(b *build) {
				in := b.into(f, r, page, pairing)
				h := b.normed("h", b.feed("x", k))
				var q compute.Ref
				wide := heads * (d/2 + rot)
				if j%2 == 0 {
					q = b.project("q_a", h, f, blocksOf(f, 64))
				} else {
					q = b.project("q", h, f, wide)
				}
				row := b.project("kv", h, f, 2*d+32)
				table := b.angles(contextBefore+2*r, rot)
				plain := 2*d + 32 - rot
				latent := in.normHeads("norm_kv", in.part("latent", row, 1, 0, plain), 0)
				key := in.rotated("rope_k", in.part("k_rot", row, 1, plain, rot), table, 1)
				joined := b.scratch("k_joined", plain+rot)
				b.p.Add("k_joined", compute.Columns{A: latent, B: key, Groups: 1, NumA: plain, NumB: rot, Out: joined})
				b.p.Add("kvstore", compute.KVStore{K: joined, KCache: in.kv("k_cache", t[0], plain+rot)})
				if j%2 == 0 {
					q = b.project("q_b", in.normHeads("norm_q", q, 0), f, wide)
				}
				n := 33 + i // of the absorbed part
				first, last := in.part("q_plain", q, heads, 0, d/2), in.part("q_rot", q, heads, d/2, rot)
				last = in.rotated("rope_q", last, table, heads)
				absorbed := b.scratch("absorbed", heads*n)
				b.p.Add("k_b", compute.MatMulHeads{X: first, W: b.weight("w_k_b", compute.F16, heads*n, d/2), Out: absorbed, NumHeads: heads})
				b.p.Add("q_joined", compute.Columns{A: absorbed, B: last, Groups: heads, NumA: n, NumB: rot, Out: b.output("out", heads*(n+rot))})
			})
		}
	}
}
