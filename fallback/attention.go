package fallback

import (
	"fmt"
	"math"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// queryBlock bounds the (row, head) pairs of one unit, and with them its score memory: 8 bytes for each pair and key.
const queryBlock = 16

// attention runs compute.Attention in the textbook's three passes: all scores, their softmax, the weighted sum of values.
// One unit is a block of query rows of one sequence with the query heads of one KV head, so that each key and value is
// converted once for all of them. Every (row, head) pair is summed in ascending key order on its own.
type attention struct {
	op                  compute.Attention
	q, k, v, sinks, out *tensor // sinks may be nil
	bias                *tensor // may be nil
	pageSize            int     // 0: keys are rows of the batch
	step                *compute.Step
	blocks              []queries
}

// queries is a block of rows of one sequence.
type queries struct{ seq, lo, hi int }

func (k *attention) begin(s *compute.Step) int {
	k.divide(s, queryBlock)
	return len(k.blocks) * k.op.NumKVHeads
}

// divide makes blocks of a step's rows, of at most so many (row, head) pairs where a row has no more.
func (k *attention) divide(s *compute.Step, pairs int) {
	k.step = s
	k.blocks = k.blocks[:0]
	rows := max(1, pairs/k.group())
	for i := range s.Seqs {
		end := s.Seqs[i].First + s.Seqs[i].Count
		for r := s.Seqs[i].First; r < end; r += rows {
			k.blocks = append(k.blocks, queries{i, r, min(r+rows, end)})
		}
	}
}

// group is the number of query heads that share a KV head.
func (k *attention) group() int { return k.op.NumHeads / k.op.NumKVHeads }

func (k *attention) unit(w *worker, i int) {
	b := k.blocks[i/k.op.NumKVHeads]
	kvHead := i % k.op.NumKVHeads
	seq := &k.step.Seqs[b.seq]
	pairs := (b.hi - b.lo) * k.group()
	from, to := k.reach(b)
	n := to - from
	columns := ceil(k.op.HeadDimV, simd.Width) * simd.Width
	memory := w.float64s(pairs*(n+columns) + k.tileMemory(pairs))
	scores, sums, tile := memory[:pairs*n], memory[pairs*n:pairs*(n+columns)], memory[pairs*(n+columns):]
	clear(sums)
	segment := w.float32s(max(k.op.HeadDim, k.op.HeadDimV, 2*simd.Width*k.op.HeadDim, (valueKeys-1)*columns+max(columns, k.op.HeadDim)))

	level := k.level()
	if level > simd.Plain {
		k.products(w, b, kvHead, from, to, scores, segment, tile)
	} else {
		k.productsPlain(b, kvHead, from, to, scores, segment)
	}
	for p := range pairs {
		r, h := k.pair(b, kvHead, p)
		lo, hi := k.keys(r, seq)
		s := scores[p*n+lo-from : p*n+max(lo, hi)-from]
		scale := float64(k.op.Scale)
		if k.op.SoftCap > 0 || k.bias != nil {
			for j, v := range s {
				s[j] = k.score(v*scale, r, h, lo+j)
			}
		} else {
			for j := range s {
				s[j] *= scale
			}
		}
		k.softmax(s, h)
	}
	if level > simd.Plain {
		k.values(w, b, kvHead, from, to, scores, segment, sums)
	} else {
		k.valuesPlain(b, kvHead, from, to, scores, segment, sums)
	}
	for p := range pairs {
		r, h := k.pair(b, kvHead, p)
		out := k.out.row(r)[h*k.op.HeadDimV : (h+1)*k.op.HeadDimV]
		for c := range out {
			// Panel by panel, in each pair by pair.
			out[c] = float32(sums[c/simd.Width*simd.Width*pairs+simd.Width*p+c%simd.Width])
		}
	}
}

// productsPlain sets scores, a row of keys [from, to) for each pair of a unit, to the products of queries and the keys that they see.
func (k *attention) productsPlain(b queries, kvHead, from, to int, scores []float64, segment []float32) {
	d, seq := k.op.HeadDim, &k.step.Seqs[b.seq]
	for j := from; j < to; j++ {
		key := k.part(segment, k.k, seq, j, kvHead*d, d)
		for p := range (b.hi - b.lo) * k.group() {
			r, h := k.pair(b, kvHead, p)
			if lo, hi := k.keys(r, seq); lo <= j && j < hi {
				scores[p*(to-from)+j-from] = dot(k.q.row(r)[h*d:(h+1)*d], key)
			}
		}
	}
}

// valuesPlain adds up the values that each pair sees, times its scores, in panels of columns.
func (k *attention) valuesPlain(b queries, kvHead, from, to int, scores []float64, segment []float32, sums []float64) {
	seq, pairs := &k.step.Seqs[b.seq], (b.hi-b.lo)*k.group()
	for j := from; j < to; j++ {
		value := k.part(segment, k.v, seq, j, kvHead*k.op.ValueStride(), k.op.HeadDimV)
		for p := range pairs {
			r, _ := k.pair(b, kvHead, p)
			if lo, hi := k.keys(r, seq); j < lo || j >= hi {
				continue
			}
			a := scores[p*(to-from)+j-from]
			for c, v := range value {
				sums[c/simd.Width*simd.Width*pairs+simd.Width*p+c%simd.Width] += float64(a * float64(v))
			}
		}
	}
}

// valueKeys is the number of keys whose values are decoded together.
const valueKeys = 64

// values is valuesPlain in vectors, up to eight pairs at a time, where these see the same keys.
func (k *attention) values(w *worker, b queries, kvHead, from, to int, scores []float64, memory []float32, sums []float64) {
	seq, pairs, n := &k.step.Seqs[b.seq], (b.hi-b.lo)*k.group(), to-from
	columns := ceil(k.op.HeadDimV, simd.Width) * simd.Width
	for first, end := from, 0; first < to; first = end {
		var rows []float32
		var stride int
		rows, stride, end = k.valueRows(seq, kvHead, first, to, columns, memory)
		add := func(p, end, lo, hi int) { // what keys [lo, hi) have for pairs [p, end)
			if lo >= hi {
				return
			}
			w.rows = w.rows[:0]
			for q := p; q < end; q++ {
				w.rows = append(w.rows, scores[q*n+lo-from:q*n+hi-from])
			}
			for c := 0; c < columns; c += simd.Width {
				k.level().AddRows(w.rows, rows[(lo-first)*stride+c:], stride, sums[c*pairs+simd.Width*p:])
			}
		}
		for p := 0; p < pairs; p += simd.MaxRows {
			last := min(p+simd.MaxRows, pairs)
			lo, hi := first, end // what all of them see
			for q := p; q < last; q++ {
				l, h := k.seen(b, kvHead, q, first, end)
				lo, hi = max(lo, l), min(hi, h)
			}
			hi = max(lo, hi)
			for q := p; q < last; q++ {
				l, h := k.seen(b, kvHead, q, first, end)
				add(q, q+1, l, min(h, lo))
			}
			add(p, last, lo, hi)
			for q := p; q < last; q++ {
				l, h := k.seen(b, kvHead, q, first, end)
				add(q, q+1, max(l, hi), h)
			}
		}
	}
}

// valueRows are the values of keys [first, end), stride elements apart and columns long, what is behind a value being of no account:
// where they lie if they can be, else in memory.
func (k *attention) valueRows(seq *compute.Seq, kvHead, first, to, columns int, memory []float32) (rows []float32, stride, end int) {
	at := kvHead * k.op.ValueStride()
	if k.v.DType == compute.F32 && columns == k.op.HeadDimV {
		end = k.neighbours(seq, first, to)
		row := k.rowOf(seq, first)
		return k.v.floats(row, row+end-first)[at:], k.v.Cols, end
	}
	end = min(first+valueKeys, to)
	for j := first; j < end; j++ {
		dst := memory[(j-first)*columns:]
		if v := k.part(dst, k.v, seq, j, at, k.op.HeadDimV); &v[0] != &dst[0] {
			copy(dst, v)
		}
	}
	return memory, columns, end
}

// neighbours is the end of the keys from j on, at most to, that lie in rows one behind the other.
func (k *attention) neighbours(seq *compute.Seq, j, to int) int {
	if k.op.Paged {
		return min(to, (j/k.pageSize+1)*k.pageSize)
	}
	return to
}

// seen is what pair p of a block sees of keys [first, end).
func (k *attention) seen(b queries, kvHead, p, first, end int) (lo, hi int) {
	r, _ := k.pair(b, kvHead, p)
	lo, hi = k.keys(r, &k.step.Seqs[b.seq])
	return max(lo, first), min(hi, end)
}

func (k *attention) level() simd.Level { return k.q.buf.dev.level }

// tileMemory is what products needs for the pairs of a unit.
func (k *attention) tileMemory(pairs int) int {
	if k.level() == simd.Plain {
		return 0
	}
	return pairs * (k.op.HeadDim + simd.Width)
}

// products sets scores, a row of keys [from, to) for each pair of a unit, to the products of queries and keys, a panel of keys at
// a time; rows is room for two panels and tile for what tileMemory says. What lies in keys that a pair does not see is of no account.
func (k *attention) products(w *worker, b queries, kvHead, from, to int, scores []float64, rows []float32, tile []float64) {
	d, pairs, n := k.op.HeadDim, (b.hi-b.lo)*k.group(), to-from
	wide, sums, seq := tile[:pairs*d], tile[pairs*d:], &k.step.Seqs[b.seq]
	w.rows = grown(w.rows, pairs)
	for p := range pairs {
		r, h := k.pair(b, kvHead, p)
		w.rows[p] = wide[p*d : (p+1)*d]
		k.level().Widen(w.rows[p], k.q.row(r)[h*d:(h+1)*d])
	}
	raw, panel := rows[:simd.Width*d], rows[simd.Width*d:2*simd.Width*d]
	for j := from; j < to; j += simd.Width {
		have := min(simd.Width, to-j)
		if k.k.DType == compute.F32 && k.neighbours(seq, j, to) >= j+simd.Width {
			row := k.rowOf(seq, j)
			k.level().Interleave(panel, k.k.floats(row, row+simd.Width)[kvHead*d:], k.k.Cols, d)
		} else {
			for i := range have {
				dst := raw[i*d : (i+1)*d]
				if key := k.part(dst, k.k, seq, j+i, kvHead*d, d); &key[0] != &dst[0] {
					copy(dst, key)
				}
			}
			k.level().Interleave(panel, raw, d, d)
		}
		clear(sums)
		k.level().ExactTile(w.rows, panel, sums)
		for p := range pairs {
			copy(scores[p*n+j-from:][:have], sums[p*simd.Width:])
		}
	}
}

// pair is the row and the query head of pair p of a block.
func (k *attention) pair(b queries, kvHead, p int) (row, head int) {
	return b.lo + p/k.group(), kvHead*k.group() + p%k.group()
}

func (k *attention) keys(row int, seq *compute.Seq) (lo, hi int) {
	return compute.KeyRange(int(k.step.Pos[row]), seq.Len, k.op.Causal, k.op.Window, k.op.Chunk)
}

// reach is the range of keys that the rows of a block see among them.
func (k *attention) reach(b queries) (from, to int) {
	seq := &k.step.Seqs[b.seq]
	from = seq.Len
	for r := b.lo; r < b.hi; r++ {
		lo, hi := k.keys(r, seq)
		from, to = min(from, lo), max(to, hi)
	}
	return from, max(from, to)
}

// part is n columns, those of one KV head, in the row of key j. dst has room for all of a head.
func (k *attention) part(dst []float32, t *tensor, seq *compute.Seq, j, from, n int) []float32 {
	row := k.rowOf(seq, j)
	switch {
	case t.DType == compute.F32:
		return t.row(row)[from : from+n]
	case t.DType == compute.F16 && k.level() == simd.Plain:
		b := t.bytes(row, row+1)[2*from:]
		dst, table := dst[:n], halves()
		for c := range dst {
			dst[c] = table[uint16(b[2*c])|uint16(b[2*c+1])<<8]
		}
		return dst
	}
	// Whole blocks, of which values that are the beginnings of their keys may not need all of the last.
	length, size := t.DType.BlockLen(), t.DType.BlockBytes()
	blocks := (n + length - 1) / length
	b := t.bytes(row, row+1)[from/length*size:]
	if err := quant.DecodeWith(k.level(), t.DType, dst[:blocks*length], b[:blocks*size]); err != nil {
		panic(fmt.Sprintf("BUG: %s: %v", t.Name, err)) // Check knows the types and the shape
	}
	return dst[:n]
}

// rowOf is the row of K and V that holds key j of a sequence.
func (k *attention) rowOf(seq *compute.Seq, j int) int {
	if k.op.Paged {
		return slotOf(seq, j, k.pageSize)
	}
	return seq.First + j
}

// run is the row of key j and how many keys from it on, below hi, lie one behind the other.
func (k *attention) run(seq *compute.Seq, j, hi int) (from, n int) {
	n = hi - j
	if k.op.Paged {
		n = min(n, k.pageSize-j%k.pageSize)
	}
	return k.rowOf(seq, j), n
}

// score caps a scaled product of row r, head h and key j, and adds the bias.
func (k *attention) score(s float64, r, h, j int) float64 {
	if k.op.SoftCap > 0 {
		s = float64(k.op.SoftCap) * math.Tanh(s/float64(k.op.SoftCap))
	}
	if k.bias != nil {
		s += float64(k.biasOf(r, h, j))
	}
	return s
}

// biasOf is what row r, head h and key j have by how far they are apart.
func (k *attention) biasOf(r, h, j int) float32 {
	reach := k.bias.Rows.Fixed / 2
	return k.bias.row(min(max(j-int(k.step.Pos[r]), -reach), reach) + reach)[h]
}

// softmax turns scores into weights that add up to one, or to less when the head has a sink.
func (k *attention) softmax(s []float64, head int) {
	top := math.Inf(-1)
	for _, v := range s {
		if !(v <= top) { // or v is not a number, nor top from then on
			top = max(top, v)
		}
	}
	var sum float64
	if k.sinks != nil {
		sink := float64(k.sinks.row(0)[head])
		top = max(top, sink)
		sum = math.Exp(sink - top)
	}
	k.level().ExpMinus(s, top)
	for _, v := range s {
		sum += v
	}
	k.level().Divide(s, sum)
}
