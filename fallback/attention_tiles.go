package fallback

import (
	"math"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// directPairs is the fewest pairs of a piece for which keys and values are decoded into tiles: fewer read them where they are.
const directPairs = 4

// attend adds the keys and values of a piece to the state of its pairs.
func (k *fastAttention) attend(w *worker, p *piece, s softmaxState) {
	clear(s.sums)
	clear(s.total)
	for i := range s.top {
		s.top[i] = float32(math.Inf(-1))
	}
	b := k.blocks[p.block]
	t := k.tiles(w, s.pairs)
	for pair := range s.pairs {
		r, h := k.pair(b, p.kvHead, pair)
		for c, v := range k.q.row(r)[h*k.op.HeadDim : (h+1)*k.op.HeadDim] {
			t.q[pair*k.readK.padded+c] = v * k.op.Scale
		}
		clear(t.q[pair*k.readK.padded+k.op.HeadDim : (pair+1)*k.readK.padded])
	}
	for lo := p.lo; lo < p.hi; {
		hi := min(lo/keyTile*keyTile+keyTile, p.hi)
		if s.pairs < directPairs {
			k.direct(t, b, p.kvHead, lo, hi, k.after(p, hi), s)
		} else {
			k.tile(t, b, p.kvHead, lo, hi, k.after(p, hi), s)
		}
		lo = hi
	}
}

// following is where the keys of the tile behind one begin: those of a KV head.
type following struct{ lo, kvHead int }

// after is what a thread most likely takes behind the keys of a piece that end at hi: the piece's others, those of the next KV head, or later ones of the first.
func (k *fastAttention) after(p *piece, hi int) following {
	switch {
	case hi < p.hi:
		return following{hi, p.kvHead}
	case p.kvHead+1 < k.op.NumKVHeads:
		return following{p.lo, p.kvHead + 1}
	}
	return following{hi, 0}
}

// tiles is a worker's memory for the keys of one tile.
type tiles struct {
	q      []float32 // scaled queries: pairs × padded
	scores []float32 // pairs × keyTile, then weights
	rows   []float32 // keyTile keys or values, as they are read
	keys   []float32 // keys as columns: padded × keyTile
}

func (k *fastAttention) tiles(w *worker, pairs int) tiles {
	d := k.readK.padded
	sizes := [4]int{pairs * d, pairs * keyTile, keyTile * max(d, k.readV.padded), keyTile * d}
	m := w.float32s(sizes[0] + sizes[1] + sizes[2] + sizes[3])
	var parts [4][]float32
	for i, n := range sizes {
		parts[i], m = m[:n:n], m[n:]
	}
	return tiles{parts[0], parts[1], parts[2], parts[3]}
}

// seen is which of keys [lo, hi) a pair sees, counted from lo.
func (k *fastAttention) seen(b queries, pair, lo, hi int) (from, to int) {
	from, to = k.keys(b.lo+pair/k.group(), &k.step.Seqs[b.seq])
	from, to = min(max(from, lo), hi)-lo, min(max(to, lo), hi)-lo
	return from, max(from, to)
}

// tile takes keys [lo, hi), at most keyTile, for all pairs together. A head's rows lie too far apart for
// the processor to foresee: those of the tile that follows are asked for one by one while rows are read.
func (k *fastAttention) tile(t tiles, b queries, kvHead, lo, hi int, next following, s softmaxState) {
	l, seq, n := k.level(), &k.step.Seqs[b.seq], hi-lo
	d, width, columns := k.readK.padded, k.readV.padded, ceil(hi-lo, simd.Width)*simd.Width
	k.readK.load(t.rows, &k.attention, seq, kvHead, lo, hi, next)
	clear(t.rows[n*d : columns*d])
	l.Transpose(t.keys, keyTile, t.rows, d, columns, d)
	clear(t.scores[:s.pairs*keyTile])
	l.Gemm(s.pairs, columns, d, t.q, d, t.keys, keyTile, t.scores, keyTile)
	whole := true
	for pair := range s.pairs {
		from, to := k.seen(b, pair, lo, hi)
		whole = whole && from == 0 && to == n
		k.weigh(b, kvHead, pair, lo, from, to, t.scores[pair*keyTile:][:columns], s)
	}
	k.readV.load(t.rows, &k.attention, seq, kvHead, lo, hi, next)
	if whole || finite(l, t.rows[:n*width]) {
		l.Gemm(s.pairs, width, n, t.scores, keyTile, t.rows, width, s.sums, width)
		return
	}
	for pair := range s.pairs { // 0·∞ would reach pairs that do not see it
		if from, to := k.seen(b, pair, lo, hi); from < to {
			l.Gemm(1, width, to-from, t.scores[pair*keyTile+from:], keyTile, t.rows[from*width:], width, s.row(pair), width)
		}
	}
}

// finite reports whether no element is infinite or not a number, or none is so large that a sum of them might be.
func finite(l simd.Level, x []float32) bool {
	sum := l.Sum(x)
	return sum-sum == 0
}

// direct takes keys [lo, hi), at most keyTile, for each pair alone.
func (k *fastAttention) direct(t tiles, b queries, kvHead, lo, hi int, next following, s softmaxState) {
	l, seq, d := k.level(), &k.step.Seqs[b.seq], k.readK.padded
	if !k.readK.inside {
		k.readK.load(t.keys, &k.attention, seq, kvHead, lo, hi, next)
	}
	if !k.readV.inside {
		k.readV.load(t.rows, &k.attention, seq, kvHead, lo, hi, next)
	}
	for pair := range s.pairs {
		from, to := k.seen(b, pair, lo, hi)
		if from == to {
			continue
		}
		if pair > 0 {
			next.lo = seq.Len // the first has asked for them
		}
		scores := t.scores[:ceil(hi-lo, simd.Width)*simd.Width]
		for j := from; j < to; {
			rows, n := k.readK.rows(&k.attention, seq, kvHead, t.keys, lo, lo+j, lo+to, next)
			l.RowDots(scores[j:j+n], rows, t.q[pair*d:(pair+1)*d])
			j += n
		}
		k.weigh(b, kvHead, pair, lo, from, to, scores, s)
		for j := from; j < to; {
			rows, n := k.readV.rows(&k.attention, seq, kvHead, t.rows, lo, lo+j, lo+to, next)
			l.RowSums(s.row(pair), scores[j:j+n], rows)
			j += n
		}
	}
}

// weigh makes weights of the scores of keys lo+from to lo+to, and 0 of all others, and scales down what was summed before if one of
// them is the largest yet.
func (k *fastAttention) weigh(b queries, kvHead, pair, lo, from, to int, scores []float32, s softmaxState) {
	if k.op.SoftCap > 0 {
		k.level().SoftCap(scores[from:to], scores[from:to], 1, k.op.SoftCap)
	}
	if k.bias != nil {
		r, h := k.pair(b, kvHead, pair)
		for j := from; j < to; j++ {
			scores[j] += k.biasOf(r, h, lo+j)
		}
	}
	none := float32(math.Inf(-1))
	for j := range from {
		scores[j] = none
	}
	for j := to; j < len(scores); j++ {
		scores[j] = none
	}
	l, old := k.level(), s.top[pair]
	top := max(old, l.Max(scores))
	if math.IsInf(float64(top), -1) { // nothing but −∞ so far, unless it is not a number
		for j, v := range scores {
			if v != v {
				s.total[pair] = v
			}
			scores[j] = 0
		}
		return
	}
	f := rescale(old, top)
	s.top[pair] = top
	s.total[pair] = float32(s.total[pair]*f) + l.ExpSum(scores, top)
	if f != 1 {
		for c, v := range s.row(pair) {
			s.row(pair)[c] = v * f
		}
	}
}

// reader reads keys or values of one KV head: decoded into rows of padded elements, or where they are.
type reader struct {
	t      *tensor
	n      int                                                      // elements that are read
	step   int                                                      // elements from head to head
	padded int                                                      // n in whole panels and blocks
	decode func(dst []float32, src []byte, rows, stride, ahead int) // nil: they are float32
	inside bool                                                     // rows can be read where they are
	format simd.Stored                                              // in which
}

func newReader(l simd.Level, t *tensor, n, step int) reader {
	whole := max(simd.Width, t.DType.BlockLen())
	r := reader{t: t, n: n, step: step, padded: ceil(n, whole) * whole}
	if t.DType != compute.F32 {
		r.decode = quant.RowsDecoderOf(l, t.DType)
	}
	format, plain := map[compute.DType]simd.Stored{compute.F32: simd.F32, compute.F16: simd.F16, compute.BF16: simd.BF16}[t.DType]
	r.format, r.inside = format, plain && r.padded == n
	return r
}

// place is where the head's elements of a row begin in bytes.
func (r *reader) place(kvHead int) int {
	return kvHead * r.step / r.t.DType.BlockLen() * r.t.DType.BlockBytes()
}

// ahead is how many bytes behind key j of a KV head, of the tile from lo on and in the row from, lies that of the next tile, or 0 if there is none.
func (r *reader) ahead(k *attention, seq *compute.Seq, kvHead, from, lo, j int, next following) int {
	later := next.lo + j - lo
	if later >= seq.Len {
		return 0
	}
	return (k.rowOf(seq, later)-from)*int(r.t.rowBytes) + r.place(next.kvHead) - r.place(kvHead)
}

// load decodes keys [lo, hi) into rows of dst; what a row has beyond n is 0. Those of the next tile are asked for.
func (r *reader) load(dst []float32, k *attention, seq *compute.Seq, kvHead, lo, hi int, next following) {
	length := r.t.DType.BlockLen()
	columns := ceil(r.n, length) * length
	size, stride, at := columns/length*r.t.DType.BlockBytes(), int(r.t.rowBytes), r.place(kvHead)
	for j := lo; j < hi; {
		from, n := k.run(seq, j, hi)
		rows := dst[:n*r.padded]
		switch {
		case r.decode == nil:
			for i := range n {
				copy(rows[i*r.padded:], r.t.row(from + i)[kvHead*r.step:][:r.n])
			}
		case r.padded == columns:
			r.decode(rows, r.t.bytes(from, from+n)[at:], n, stride, r.ahead(k, seq, kvHead, from, lo, j, next))
		default:
			for i := range n {
				r.decode(rows[i*r.padded:][:columns], r.t.bytes(from+i, from+i+1)[at:][:size], 1, 0, 0)
			}
		}
		if r.padded > r.n {
			for i := range n {
				clear(rows[i*r.padded+r.n : (i+1)*r.padded])
			}
		}
		dst, j = dst[len(rows):], j+n
	}
}

// rows are keys from j on, at most to below hi, which lie one behind the other: where they are stored, or in loaded, where key lo is first.
// Those of the next tile are asked for where they are stored so.
func (r *reader) rows(k *attention, seq *compute.Seq, kvHead int, loaded []float32, lo, j, hi int, next following) (simd.Rows, int) {
	if !r.inside {
		return simd.Rows{Format: simd.F32, Data: compute.Bytes(loaded[(j-lo)*r.padded:]), Stride: 4 * r.padded}, hi - j
	}
	from, n := k.run(seq, j, hi)
	return simd.Rows{Format: r.format, Data: r.t.bytes(from, from+n)[r.place(kvHead):], Stride: int(r.t.rowBytes),
		Ahead: r.ahead(k, seq, kvHead, from, lo, j, next)}, n
}
