package kernel

import (
	"slices"

	"tuff/host/compute"
)

// embed plans a lookup: one invocation per 8 elements.
func (pl *planner) embed(g *Group, op compute.Embed) error {
	t := pl.p.At(op.Table)
	module, err := moduleOf("embed", t.DType, "")
	if err != nil {
		return err
	}
	row, err := LayoutOf(t.DType, t.Cols)
	if err != nil {
		return err
	}
	d := pl.elementwise(module, compute.PerToken(1), ceilDiv(t.Cols, 8), []uint32{flag(op.Positions)},
		slices.Concat([]Arg{addr(op.Table), addr(op.Out), stepArg()}, codebook(t.DType),
			[]Arg{rowsArg(compute.PerToken(1)), u32(t.Cols), u32(row.Bytes), f32(op.Scale)}),
		refs(op.Table), refs(op.Out))
	g.add(d.issuing(pl.once(op)), "rows are decoded where they lie")
	return nil
}

// add makes d the group's only dispatch.
func (g *Group) add(d Dispatch, why string) {
	g.Dispatches, g.Kernel, g.Why = []Dispatch{d}, d.Name, why
}

// rmsNorm plans one workgroup per group of columns.
func (pl *planner) rmsNorm(g *Group, op compute.RMSNorm) {
	g.add(pl.rmsNormDispatch(op), "one workgroup per row")
}

func (pl *planner) rmsNormDispatch(op compute.RMSNorm) Dispatch {
	x := pl.p.At(op.X)
	width, parts := x.Cols, 1
	if op.Group > 0 {
		width, parts = op.Group, x.Cols/op.Group
	}
	groups := scaled(x.Rows, parts)
	return Dispatch{Module: "rmsnorm", Name: "rmsnorm", Spec: []uint32{pl.rowGroup(width)},
		Args:  []Arg{addr(op.X), addr(op.Weight), addr(op.Out), rowsArg(groups), u32(width), f32(op.Eps), u32(pl.p.At(op.Weight).Cols / width)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(groups.At(s.Sizes())) },
		Reads: refs(op.X, op.Weight), Writes: refs(op.Out), Issued: pl.inRows(op, op.X, groups, width, 2, op.Weight)}
}

// layerNorm plans one workgroup per group of columns.
func (pl *planner) layerNorm(g *Group, op compute.LayerNorm) {
	g.add(pl.layerNormDispatch(op), "one workgroup per row")
}

func (pl *planner) layerNormDispatch(op compute.LayerNorm) Dispatch {
	x := pl.p.At(op.X)
	width, parts := x.Cols, 1
	if op.Group > 0 {
		width, parts = op.Group, x.Cols/op.Group
	}
	groups := scaled(x.Rows, parts)
	return Dispatch{Module: "layernorm", Name: "layernorm", Spec: []uint32{pl.rowGroup(width), flag(op.Bias != 0)},
		Args:  []Arg{addr(op.X), addr(op.Weight), addr(op.Bias), addr(op.Out), rowsArg(groups), u32(width), u32(parts), f32(op.Eps)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(groups.At(s.Sizes())) },
		Reads: refs(op.X, op.Weight, op.Bias), Writes: refs(op.Out), Issued: pl.inRows(op, op.X, groups, width, 3, op.Weight, op.Bias)}
}

// rowGroup is the size of the workgroup that walks a row of width elements.
func (pl *planner) rowGroup(width int) uint32 {
	wg := min(max(pow2(ceilDiv(width, 4)), 8), 256)
	for wg > int(pl.caps.MaxInvocations) {
		wg /= 2
	}
	return uint32(wg)
}

func (pl *planner) activation(g *Group, op compute.Activation) {
	g.add(pl.activationDispatch(op), "one invocation per element")
}

func (pl *planner) activationDispatch(op compute.Activation) Dispatch {
	t := pl.p.At(op.X)
	period := scaled(t.Rows, t.Cols)
	if op.OneRow(pl.p) {
		period = compute.Rows(t.Cols)
	}
	return pl.elementwise("activation", t.Rows, t.Cols, []uint32{uint32(op.Fn), flag(op.Up != 0)},
		[]Arg{addr(op.X), addr(op.Up), addr(op.Out), rowsArg(scaled(t.Rows, t.Cols)), rowsArg(period)}, refs(op.X, op.Up), refs(op.Out)).issuing(pl.once(op))
}

// sparseGate plans one workgroup per row, larger where rows are long: it goes through its row three times.
func (pl *planner) sparseGate(g *Group, op compute.SparseGate) {
	x := pl.p.At(op.X)
	wg := pl.rowGroup(x.Cols)
	for 2*wg <= min(pl.caps.MaxInvocations, 1024) && int(8*wg) < x.Cols {
		wg *= 2
	}
	g.add(Dispatch{Module: "sparse_gate", Name: "sparse_gate", Spec: []uint32{wg, uint32(op.Fn)},
		Args:  []Arg{addr(op.X), addr(op.Up), addr(op.Out), rowsArg(x.Rows), u32(x.Cols), f32(op.Cutoff)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(x.Rows.At(s.Sizes())) },
		Reads: refs(op.X, op.Up), Writes: refs(op.Out), Issued: pl.once(op, op.X, op.X)}, "one workgroup per row")
}

func (pl *planner) scale(g *Group, op compute.Scale) {
	g.add(pl.scaleDispatch(op), "one invocation per element")
}

func (pl *planner) scaleDispatch(op compute.Scale) Dispatch {
	t := pl.p.At(op.X)
	return pl.elementwise("scale", t.Rows, t.Cols, []uint32{flag(op.Cap > 0)},
		[]Arg{addr(op.X), addr(op.Out), rowsArg(scaled(t.Rows, t.Cols)), f32(op.Factor), f32(op.Cap)}, refs(op.X), refs(op.Out)).issuing(pl.once(op))
}

func (pl *planner) rope(g *Group, op compute.RoPE) {
	g.add(pl.ropeDispatch(op), "angles come from the host's table")
}

func (pl *planner) ropeDispatch(op compute.RoPE) Dispatch {
	cols := pl.p.At(op.X).Cols
	return pl.elementwise("rope", compute.PerToken(1), cols, []uint32{flag(op.Long != 0)},
		[]Arg{addr(op.X), addr(op.Table), addr(op.Long), addr(op.Out), stepArg(), rowsArg(compute.PerToken(1)), u32(cols), u32(op.HeadDim), u32(op.RotDim),
			u32(int(op.Pairing)), u32(op.LongFrom)},
		refs(op.X, op.Table, op.Long), refs(op.Out)).issuing(pl.once(op))
}

func (pl *planner) kvStore(g *Group, op compute.KVStore) {
	g.add(pl.kvStoreDispatch(op), "one invocation per element, or block")
}

func (pl *planner) kvStoreDispatch(op compute.KVStore) Dispatch {
	k, v := pl.p.At(op.K).Cols, pl.p.At(op.V).Cols
	return pl.elementwise("kvstore", compute.PerToken(1), pl.cacheUnits(op.KCache)+pl.cacheUnits(op.VCache), pl.cacheSpec(op.KCache, op.VCache),
		[]Arg{addr(op.K), addr(op.V), addr(op.KCache), addr(op.VCache), stepArg(), rowsArg(compute.PerToken(1)), u32(k), u32(v), u32(pl.p.PageSize)},
		refs(op.K, op.V), refs(op.KCache, op.VCache)).issuing(pl.once(op))
}

func (pl *planner) swiGLU(g *Group, op compute.SwiGLU) {
	t := pl.p.At(op.Gate)
	g.add(pl.elementwise("swiglu", t.Rows, t.Cols, nil, []Arg{addr(op.Gate), addr(op.Up), addr(op.Out), rowsArg(scaled(t.Rows, t.Cols))},
		refs(op.Gate, op.Up), refs(op.Out)).issuing(pl.once(op)), "one invocation per element")
}

func (pl *planner) add(g *Group, op compute.Add) {
	g.add(pl.addDispatch(op), "one invocation per element")
}

func (pl *planner) addDispatch(op compute.Add) Dispatch {
	t := pl.p.At(op.A)
	period := scaled(t.Rows, t.Cols)
	if op.OneRow(pl.p) {
		period = compute.Rows(t.Cols)
	}
	return pl.elementwise("add", t.Rows, t.Cols, nil, []Arg{addr(op.A), addr(op.B), addr(op.Out), rowsArg(scaled(t.Rows, t.Cols)), rowsArg(period)},
		refs(op.A, op.B), refs(op.Out)).issuing(pl.once(op))
}

func (pl *planner) takeRows(g *Group, op compute.TakeRows) {
	g.add(pl.takeRowsDispatch(op), "only the rows whose logits are wanted go on")
}

func (pl *planner) takeRowsDispatch(op compute.TakeRows) Dispatch {
	cols := pl.p.At(op.X).Cols
	return pl.elementwise("takerows", compute.PerOutput(1), cols, nil,
		[]Arg{addr(op.X), addr(op.Out), stepArg(), rowsArg(compute.PerOutput(1)), u32(cols)}, refs(op.X), refs(op.Out)).issuing(pl.once(op))
}

// topK plans one workgroup per row, as large as it may be: the row is long, and read four times.
func (pl *planner) topK(g *Group, op compute.TopK) {
	x, wg := pl.p.At(op.X), uint32(8)
	for 2*wg <= min(pl.caps.MaxInvocations, 1024) && int(wg) < x.Cols {
		wg *= 2
	}
	g.add(Dispatch{Module: "topk", Name: "topk", Spec: []uint32{wg},
		Args:  []Arg{addr(op.X), addr(op.Out), rowsArg(x.Rows), u32(x.Cols), u32(op.K)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(x.Rows.At(s.Sizes())) },
		Reads: refs(op.X), Writes: refs(op.Out), Issued: pl.once(op, op.X, op.X, op.X)}, "one workgroup per row")
}

func (pl *planner) columns(g *Group, op compute.Columns) {
	g.add(pl.columnsDispatch(op), "one invocation per element")
}

func (pl *planner) columnsDispatch(op compute.Columns) Dispatch {
	stride := func(r compute.Ref) int { return pl.p.At(r).Cols / op.Groups }
	rows, width := pl.p.At(op.A).Rows, op.NumA+op.NumB
	return pl.elementwise("columns", rows, op.Groups*width, nil, []Arg{addr(op.A), addr(op.B), addr(op.Out), rowsArg(scaled(rows, op.Groups)),
		u32(op.NumA), u32(op.FromA), u32(stride(op.A)), u32(op.NumB), u32(op.FromB), u32(stride(op.B))},
		refs(op.A, op.B), refs(op.Out)).issuing(pl.once(op))
}
