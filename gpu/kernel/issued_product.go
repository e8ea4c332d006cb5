package kernel

import "tuff/host/compute"

// walk is how the workgroups of a multiplication go through their operands: bm rows of every matrix by bn rows of X each.
type walk struct {
	bm, bn int
	padded bool // rows of X past the last are multiplied too
	panel  int  // elements of K that are multiplied at a time, the last ones padded
	// turns, where above 0, are the subgroups that take parts of a panel: pieces of K end at a multiple of a part, and each has a panel
	// of zeros besides.
	turns int
	x     func(k int) int // bytes of a row of X
}

// goes is what a product's dispatch issues whose workgroups walk so.
func (pl *planner) goes(d Dispatch, f product, w walk) Dispatch {
	d.sums = func(s *compute.Step, pieces int) compute.Cost { return pl.sumsIssued(f, w, s, pieces) }
	d.Issued = func(s *compute.Step) compute.Cost {
		return d.sums(s, 1).Add(pl.resultIssued(f, s, w.across(pl.rowsOf(f, s))))
	}
	return d
}

// across is the number of workgroups side by side for so many rows of X.
func (w walk) across(rows int) int { return ceilDiv(rows, w.bn) }

// rowsOf is the number of rows of a product's X in a step.
func (pl *planner) rowsOf(f product, s *compute.Step) int {
	return pl.p.At(f.ops[0].X).Rows.At(s.Sizes())
}

// sumsIssued is what it takes to sum up the products, with K in pieces.
func (pl *planner) sumsIssued(f product, w walk, s *compute.Step, pieces int) (c compute.Cost) {
	rows, k := pl.rowsOf(f, s), pl.p.At(f.ops[0].X).Cols
	across, computed := w.across(rows), rows
	if w.padded {
		computed = across * w.bn
	}
	long := w.along(k, pieces)
	for i, op := range f.ops {
		weights := pl.p.At(op.W)
		row, _ := weights.DType.RowBytes(weights.Cols)
		down := ceilDiv(weights.Rows.Fixed, w.bm)
		c.Bytes += int64(across) * int64(weights.Rows.Fixed) * row
		c.FLOPs += 2 * int64(down*w.bm) * int64(computed) * int64(long)
		if f.pair && i > 0 {
			continue // the same workgroups, and the same rows of X
		}
		c.Bytes += int64(down) * int64(rows) * int64(w.x(k))
		switch { // again in every workgroup, by the counts of RMSNorm and LayerNorm
		case f.norm != nil && f.norm.layer != nil: // which goes through its rows twice more
			c.Bytes += int64(down) * 4 * int64(k) * (2*int64(rows) + int64(across)*int64(1+flag(f.norm.bias != 0)))
			c.FLOPs += 7 * int64(down) * int64(computed) * int64(k)
		case f.norm != nil:
			c.Bytes += int64(down*across) * 4 * int64(k)
			c.FLOPs += 4 * int64(down) * int64(computed) * int64(k)
		}
	}
	return c
}

// along is the number of elements of K that are multiplied.
func (w walk) along(k, pieces int) (n int) {
	if w.turns == 0 {
		return ceilDiv(k, w.panel) * w.panel
	}
	for _, span := range pieceSpans(k, w.panel/w.turns, pieces) {
		n += (ceilDiv(span, w.panel) + 1) * w.panel
	}
	return n
}

// pieceSpans are the elements of each of the pieces that k is cut into, whole panels; twin: spanOf of shaders/include/split.glsl.
func pieceSpans(k, panel, pieces int) (list []int) {
	panels := ceilDiv(k, panel)
	for i := range pieces {
		list = append(list, panel*(panels*(i+1)/pieces-panels*i/pieces))
	}
	return list
}

// resultIssued is what becomes of the sums: so many workgroups side by side read each bias.
func (pl *planner) resultIssued(f product, s *compute.Step, across int) (c compute.Cost) {
	rows := int64(pl.rowsOf(f, s))
	flops := func(op compute.Op) { c.FLOPs += op.Cost(pl.p, s).FLOPs }
	for i, op := range f.ops {
		n := int64(pl.p.At(op.W).Rows.Fixed)
		if op.Bias != 0 {
			c.Bytes += 4 * n * int64(across)
		}
		if !f.pair || i == 0 {
			c.Bytes += rows * int64(pl.outRow(f, op))
		}
	}
	n := int64(pl.p.At(f.ops[0].W).Rows.Fixed)
	b := &f.behind
	switch {
	case b.fn != nil:
		flops(*b.fn)
	case f.pair:
		flops(compute.SwiGLU{Gate: f.ops[0].Out, Up: f.ops[1].Out, Out: f.out})
	}
	if f.residual != 0 {
		c.Bytes += 4 * rows * n
		c.FLOPs += rows * n
	}
	if b.scale != nil {
		flops(*b.scale)
	}
	// Whole rows come back from memory for each pass, and weights with them.
	if b.norm != nil {
		c.Bytes += 4 * rows * n * (2 + 1 + 1)
		flops(*b.norm)
	}
	if b.layer != nil {
		c.Bytes += 4 * rows * n * (3 + 1 + 1 + int64(flag(b.layer.Bias != 0)))
		flops(*b.layer)
	}
	if b.also != nil {
		c.Bytes += 4 * rows * n
		flops(*b.also)
	}
	if b.last != nil {
		flops(*b.last)
	}
	if b.route != nil {
		c = c.Add(pl.once(*b.route)(s))
	}
	if times, _, _ := pl.timesOf(*b); times != 0 {
		c.Bytes += 4 * rows * n
	}
	if v := f.conv; v != nil { // whose rows come and go in registers
		each := v.Cost(pl.p, s)
		c = c.Add(compute.Cost{Bytes: each.Bytes - pl.tensorBytes(v.X, s) - pl.tensorBytes(v.Out, s), FLOPs: each.FLOPs})
	}
	if h := f.qkv; h != nil {
		for _, norm := range []*compute.RMSNorm{h.qNorm, h.kNorm, h.vNorm} {
			if norm != nil {
				flops(*norm)
			}
		}
		if h.rope != nil {
			flops(h.rope.q)
			if h.rope.k.X != 0 {
				flops(h.rope.k)
			}
		}
	}
	return c
}

// outRow are the bytes that a row of results costs.
func (pl *planner) outRow(f product, op compute.MatMul) int {
	n := pl.p.At(op.W).Rows.Fixed
	switch {
	case f.blocks != nil:
		return blocksRow(n)
	case f.halves != nil:
		return eightsRow(n)
	case f.qkv == nil || f.whole.qkvOf(op) == nil:
		return floatRow(n)
	}
	h := f.qkv
	to, _ := f.whole.target(op)
	bytes := floatRow(n)
	if to == toKeys || to == toValues {
		cache := h.store.KCache
		if to == toValues {
			cache = h.store.VCache
		}
		row, _ := pl.p.At(cache).DType.RowBytes(n)
		bytes = int(row)
		if to == toKeys && h.v == h.k && h.store.VCache != 0 {
			row, _ = pl.p.At(h.store.VCache).DType.RowBytes(n)
			bytes += int(row)
		}
	}
	if h.rope != nil && to != toOut && to != toValues {
		bytes += floatRow(n) * h.rope.q.RotDim / h.head() // a cosine and a sine for a pair
	}
	if pl.inUnits(f.whole, op) > 0 {
		bytes += 2 * floatRow(n) // sums wait in memory for the last of their unit
	}
	return bytes
}

// cutIssued is what a dispatch issues whose sums over n pieces stop in memory.
func (m *matMulPlan) cutIssued(d Dispatch, n int) issues {
	return func(s *compute.Step) compute.Cost {
		return d.sums(s, n).Add(compute.Cost{Bytes: 4 * int64(n) * int64(m.rowsOf(m.f, s)) * int64(m.width())})
	}
}

// joinIssued is what adding up n pieces issues, an invocation an element.
func (m *matMulPlan) joinIssued(n int) issues {
	return func(s *compute.Step) compute.Cost {
		rows := m.rowsOf(m.f, s)
		sums := int64(n) * int64(rows) * int64(m.width())
		return compute.Cost{Bytes: 4 * sums, FLOPs: sums}.Add(m.resultIssued(m.f, s, rows))
	}
}
