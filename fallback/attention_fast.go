package fallback

import (
	"math"
	"sync/atomic"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

const (
	// fastBlock bounds the (row, head) pairs of one piece, which share each key and value that is decoded.
	fastBlock = 64
	// keyTile is how many keys are scored and weighed at a time. Tiles begin at multiples of it.
	keyTile = 64
	// keySplit is how many keys one piece takes of the context of a few rows, beginning at a multiple of it. It is a constant, so that
	// a result does not depend on how many threads there are.
	keySplit = 512
)

// fastAttention runs compute.Attention in float32 and in one pass: tiles of keys are scored, the weights are those under the largest score
// so far, and sums are scaled down when a larger one comes (Milakov and Gimelshein, 2018, algorithm 3). A piece is a block of query
// rows of one sequence with the query heads of one KV head, over all its keys or, where the sequence has no more rows than a block,
// over keySplit of them; whoever ends the last of these joins them, in the order of the keys.
type fastAttention struct {
	attention
	readK, readV reader
	pieces       []piece
	joins        []join
	partial      []float32 // of pieces that are joined: of each pair its sums, its maximum and its total
}

// piece is what one unit does.
type piece struct {
	block, kvHead int
	lo, hi        int // keys
	join, split   int // which of joins, or −1, and which part of it
}

// join is a block and KV head whose keys are divided.
type join struct {
	at, splits int   // where partial has them
	left       int32 // of its pieces that have not ended, atomic
}

func newFastAttention(a attention, l simd.Level) *fastAttention {
	k := &fastAttention{attention: a}
	k.readK, k.readV = newReader(l, a.k, a.op.HeadDim, a.op.HeadDim), newReader(l, a.v, a.op.HeadDimV, a.op.ValueStride())
	return k
}

func (k *fastAttention) begin(s *compute.Step) int {
	k.divide(s, fastBlock)
	k.pieces, k.joins = k.pieces[:0], k.joins[:0]
	size := 0
	for i, b := range k.blocks {
		from, to := k.reach(b)
		first, splits := from/keySplit, 1
		if s.Seqs[b.seq].Count == b.hi-b.lo {
			splits = max(1, ceil(to, keySplit)-first)
		}
		if splits == 1 {
			for kvHead := range k.op.NumKVHeads {
				k.pieces = append(k.pieces, piece{i, kvHead, from, to, -1, 0})
			}
			continue
		}
		n := len(k.joins)
		for range k.op.NumKVHeads {
			k.joins = append(k.joins, join{at: size, splits: splits, left: int32(splits)})
			size += splits * k.partialSize(b)
		}
		// All heads of some keys follow each other: they lie side by side.
		for j := range splits {
			lo := (first + j) * keySplit
			for kvHead := range k.op.NumKVHeads {
				k.pieces = append(k.pieces, piece{i, kvHead, max(from, lo), min(to, lo+keySplit), n + kvHead, j})
			}
		}
	}
	k.partial = grown(k.partial, size)
	return len(k.pieces)
}

// partialSize is what one piece of a block leaves in partial.
func (k *fastAttention) partialSize(b queries) int {
	return (b.hi - b.lo) * k.group() * (k.readV.padded + 2)
}

func (k *fastAttention) unit(w *worker, i int) {
	p := &k.pieces[i]
	b := k.blocks[p.block]
	if p.join < 0 {
		state := k.state(w, b)
		k.attend(w, p, state)
		for pair := range state.pairs {
			k.finish(b, p.kvHead, pair, state.top[pair], state.total[pair], state.row(pair))
		}
		return
	}
	j := &k.joins[p.join]
	state := k.stateAt(k.partial[j.at:], b, p.split)
	k.attend(w, p, state)
	if atomic.AddInt32(&j.left, -1) == 0 {
		k.combine(b, p.kvHead, j)
	}
}

// combine adds up the parts of a block in the order of their keys, in the memory of the first.
func (k *fastAttention) combine(b queries, kvHead int, j *join) {
	first := k.stateAt(k.partial[j.at:], b, 0)
	for pair := range first.pairs {
		sums := first.row(pair)
		for s := 1; s < j.splits; s++ {
			next := k.stateAt(k.partial[j.at:], b, s)
			top := max(first.top[pair], next.top[pair])
			f, g := rescale(first.top[pair], top), rescale(next.top[pair], top)
			first.top[pair], first.total[pair] = top, float32(first.total[pair]*f)+float32(next.total[pair]*g)
			for c, v := range next.row(pair) {
				sums[c] = float32(sums[c]*f) + float32(v*g)
			}
		}
		k.finish(b, kvHead, pair, first.top[pair], first.total[pair], sums)
	}
}

// rescale is what sums under the maximum old are multiplied by under the maximum top; nothing was summed where old is −∞.
func rescale(old, top float32) float32 {
	switch {
	case old == top:
		return 1
	case math.IsInf(float64(old), -1):
		return 0
	}
	return float32(math.Exp(float64(old) - float64(top)))
}

// finish writes the result of a pair. All keys with the score −∞ leave 0/0, as they do in the definition.
func (k *fastAttention) finish(b queries, kvHead, pair int, top, total float32, sums []float32) {
	r, h := k.pair(b, kvHead, pair)
	out := k.out.row(r)[h*k.op.HeadDimV : (h+1)*k.op.HeadDimV]
	scale := float32(1)
	if k.sinks != nil {
		sink := k.sinks.row(0)[h]
		all := max(top, sink)
		scale = rescale(top, all)
		total = float32(total*scale) + rescale(sink, all)
	} else if lo, hi := k.keys(r, &k.step.Seqs[b.seq]); lo >= hi {
		clear(out)
		return
	}
	scale /= total
	for c := range out {
		out[c] = sums[c] * scale
	}
}

// softmaxState is what one pass over keys keeps of each pair.
type softmaxState struct {
	pairs, width int
	sums         []float32 // pairs × width: of weighted values
	top          []float32 // the largest score
	total        []float32 // of weights
}

func (s softmaxState) row(pair int) []float32 { return s.sums[pair*s.width : (pair+1)*s.width] }

// state makes the state of a block in the worker's memory, stateAt that of one part of it in memory for all of them.
func (k *fastAttention) state(w *worker, b queries) softmaxState {
	w.state = grown(w.state, k.partialSize(b))
	return k.stateAt(w.state, b, 0)
}

func (k *fastAttention) stateAt(memory []float32, b queries, part int) softmaxState {
	size := k.partialSize(b)
	m := memory[part*size : (part+1)*size]
	pairs, width := (b.hi-b.lo)*k.group(), k.readV.padded
	n := pairs * width
	return softmaxState{pairs, width, m[:n], m[n : n+pairs], m[n+pairs:]}
}
