package kernel

import "tuff/host/compute"

// Which experts tokens choose is known to the device alone: uses are taken to be spread evenly.

// slotsOne is what a multiplication issues of which every workgroup takes height weight rows of one slot, or with a mix of all slots of a token.
func (pl *planner) slotsOne(m slots, height int) issues {
	w := pl.p.At(m.w)
	n, k := w.Rows.Fixed/m.matrices, w.Cols
	row, _ := w.DType.RowBytes(k)
	return func(s *compute.Step) compute.Cost {
		tokens := len(s.Tokens)
		uses, down := int64(tokens*m.used), int64(ceilDiv(n, height))
		x := uses
		if m.mix != nil && !m.perSlot {
			x = int64(tokens) // the workgroup has the token's row for all of its experts
		}
		c := compute.Cost{Bytes: uses*int64(n)*row*m.sets() + down*x*4*int64(k), FLOPs: 2 * uses * down * int64(height) * int64(k) * m.sets()}
		return c.Add(pl.slotsResult(m, s))
	}
}

// slotsTiles is what a multiplication issues in tiles of the slots of one matrix.
func (pl *planner) slotsTiles(m slots, t tiling, xRow func(k int) int) issues {
	w := pl.p.At(m.w)
	n, k := w.Rows.Fixed/m.matrices, w.Cols
	row, _ := w.DType.RowBytes(k)
	return func(s *compute.Step) compute.Cost {
		uses := len(s.Tokens) * m.used
		busy := min(uses, m.matrices)
		tiles := int64(evenTiles(uses, busy, t.bn))
		down := int64(ceilDiv(n, t.bm))
		c := compute.Cost{Bytes: tiles*int64(n)*row*m.sets() + down*int64(uses)*int64(xRow(k)),
			FLOPs: 2 * tiles * int64(t.bn) * down * int64(t.bm) * int64(ceilDiv(k, t.bk)*t.bk) * m.sets()}
		return c.Add(pl.slotsResult(m, s))
	}
}

// evenTiles is the number of tiles of size uses when busy experts have as many, but for one.
func evenTiles(uses, busy, size int) int {
	if busy == 0 {
		return 0
	}
	more := uses % busy
	return more*ceilDiv(uses/busy+1, size) + (busy-more)*ceilDiv(uses/busy, size)
}

// sets is the number of matrices of an expert.
func (m slots) sets() int64 { return 1 + int64(flag(m.gate != nil)) }

// slotsResult is what becomes of the sums.
func (pl *planner) slotsResult(m slots, s *compute.Step) (c compute.Cost) {
	uses, n := int64(len(s.Tokens)*m.used), int64(pl.p.At(m.w).Rows.Fixed/m.matrices)
	if m.ids != 0 {
		c.Bytes += pl.tensorBytes(m.ids, s)
	}
	if m.bias != 0 {
		c.Bytes += 4 * uses * n
	}
	out := uses
	if m.gate != nil {
		if m.gate.bias != 0 {
			c.Bytes += 4 * uses * n
		}
		c.FLOPs += 6 * uses * n // as an Activation
	}
	if m.spread != nil {
		c.Bytes += pl.tensorBytes(m.spread.Weights, s)
		c.FLOPs += m.sets() * uses * n
	}
	if m.mix != nil {
		out = int64(len(s.Tokens))
		c.Bytes += pl.tensorBytes(m.mix.weights, s) + pl.tensorBytes(m.mix.beside, s) + pl.tensorBytes(m.mix.open, s) + pl.tensorBytes(m.mix.residual, s)
		c.FLOPs += 2 * uses * n
		each := flag(m.mix.beside != 0) + 2*flag(m.mix.open != 0) + flag(m.mix.residual != 0) + flag(m.mix.factor != 1)
		c.FLOPs += int64(each) * out * n
	}
	switch {
	case m.halves != nil:
		return c.Add(compute.Cost{Bytes: out * int64(eightsRow(int(n)))})
	case m.blocks != nil:
		return c.Add(compute.Cost{Bytes: out * int64(blocksRow(int(n)))})
	}
	return c.Add(compute.Cost{Bytes: 4 * out * n})
}
