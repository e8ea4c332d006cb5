package kernel

import "tuff/host/compute"

// attentionWork is how the workgroups of an attention share it out: br pairs of a row and a head of one KV head each, over tiles of bc
// keys. Scores are taken of whole tiles and for all br pairs, masked or not.
type attentionWork struct {
	pl     *planner
	op     compute.Attention
	br, bc int
	splits int  // the most pieces of a context
	joined int  // tiles of rows that are taken together
	whole  bool // values, too, are summed for whole tiles
}

func (w attentionWork) group() int { return w.op.NumHeads / w.op.NumKVHeads }

// seen is the number of keys that the rows at these positions see, any of them.
func (w attentionWork) seen(pos []int32, n int) int {
	lo, hi := rowsRange(pos, n, Indirect{Causal: w.op.Causal, Window: w.op.Window, Chunk: w.op.Chunk})
	return max(hi-lo, 0)
}

// keyBytes are those of a key of one KV head with its value.
func (w attentionWork) keyBytes() int64 {
	k, _ := w.pl.p.At(w.op.K).DType.RowBytes(w.op.HeadDim)
	if w.op.V == w.op.K {
		return k
	}
	v, _ := w.pl.p.At(w.op.V).DType.RowBytes(w.op.HeadDimV)
	return k + v
}

// block is what the workgroups of up to br pairs of some rows issue, one for each piece of the keys.
func (w attentionWork) block(pairs, rows, keys int) (c compute.Cost) {
	op, pieces, length := w.op, 1, max(keys, 1)
	if w.splits > 1 {
		pieces, length = pieceCount(keys, w.splits), pieceLength(keys, w.splits)
	}
	scored := 0
	for at := 0; at < keys; at += length {
		scored += ceilDiv(min(length, keys-at), w.bc) * w.bc
	}
	summed := keys
	if w.whole {
		summed = scored
	}
	out := op.HeadDimV
	if pieces > 1 {
		out = pieces * (op.HeadDimV + 2)
	}
	c.Bytes = 4*int64(pairs)*int64(pieces*op.HeadDim+out) + int64(keys)*w.keyBytes()
	if op.Bias != 0 { // a row of it for each distance between a query and a key
		c.Bytes += 4 * int64(w.group()) * int64(min(keys+rows-1, w.pl.p.At(op.Bias).Rows.Fixed))
	}
	c.FLOPs = 2 * int64(w.br) * (int64(scored)*int64(op.HeadDim) + int64(summed)*int64(op.HeadDimV))
	return c
}

// tiles is attention of tiles of rows, each workgroup over the keys that its own rows see.
func (w attentionWork) tiles(s *compute.Step) (c compute.Cost) {
	for i := range s.Seqs {
		q := &s.Seqs[i]
		for at := 0; at < q.Count; at += tileRows * w.joined {
			all := min(tileRows*w.joined, q.Count-at) * w.group()
			for first := 0; first < all; first += w.br {
				end := min(first+w.br, all)
				rows := s.Pos[q.First+at+first/w.group() : q.First+at+(end-1)/w.group()+1]
				c = c.Add(w.block(end-first, len(rows), w.seen(rows, q.Len)))
			}
		}
	}
	return w.ofAllHeads(c)
}

// pieces is attention over pieces of the context that the rows of a sequence see together.
func (w attentionWork) pieces(s *compute.Step) (c compute.Cost) {
	for i := range s.Seqs {
		q := &s.Seqs[i]
		keys, all := w.seen(s.Pos[q.First:q.First+q.Count], q.Len), q.Count*w.group()
		for first := 0; first < all; first += w.br {
			c = c.Add(w.block(min(w.br, all-first), q.Count, keys))
		}
	}
	return w.ofAllHeads(c)
}

func (w attentionWork) ofAllHeads(c compute.Cost) compute.Cost {
	n := int64(w.op.NumKVHeads)
	return compute.Cost{Bytes: n * c.Bytes, FLOPs: n * c.FLOPs}
}

// combine joins what pieces have left: a workgroup goes through maxima three times.
func (w attentionWork) combine(s *compute.Step) compute.Cost { return w.joining(s, 3+1) }

// join does it in the workgroup that brings the last piece: once through.
func (w attentionWork) join(s *compute.Step) compute.Cost { return w.joining(s, 2) }

// joining reads beside a piece's values as many numbers more.
func (w attentionWork) joining(s *compute.Step, more int64) (c compute.Cost) {
	dv := int64(w.op.HeadDimV)
	for i := range s.Seqs {
		q := &s.Seqs[i]
		n := int64(pieceCount(w.seen(s.Pos[q.First:q.First+q.Count], q.Len), w.splits))
		if n == 1 {
			continue // it was whole
		}
		each := int64(q.Count) * int64(w.op.NumHeads)
		c = c.Add(compute.Cost{Bytes: 4 * each * (n*(dv+more) + dv), FLOPs: 2 * each * n * dv})
	}
	return c
}

// leaves is what a dispatch issues that leaves rows of cols elements in another form than float32.
func leaves(f issues, rows compute.Extent, cols int, form func(k int) int) issues {
	return func(s *compute.Step) compute.Cost {
		return f(s).Add(compute.Cost{Bytes: int64(rows.At(s.Sizes())) * int64(form(cols)-floatRow(cols))})
	}
}
