package kernel

import (
	"slices"

	"tuff/host/compute"
)

// route plans one workgroup per token.
func (pl *planner) route(g *Group, op compute.Route) {
	e := pl.p.At(op.Logits).Cols
	wg := min(max(pow2(e), 8), 64)
	groups := max(op.Groups, 1)
	flags := flag(op.Bias != 0) | flag(op.Normalize)<<1 | flag(op.GroupTop2)<<2
	rows := compute.PerToken(1)
	g.add(Dispatch{Module: "route", Name: "route",
		Spec: []uint32{uint32(wg)},
		Args: []Arg{addr(op.Logits), addr(op.Bias), addr(op.IDs), addr(op.Weights), rowsArg(rows), u32(e), u32(op.Used), u32(int(op.Gate)), u32(groups),
			u32(op.UsedGroups), u32(int(flags)), f32(op.Factor)},
		Grid: func(s Shape) [3]uint32 { return pl.fold(s.Tokens) }, Reads: refs(op.Logits, op.Bias), Writes: refs(op.IDs, op.Weights)},
		"one workgroup per token")
}

// matMulExperts plans one workgroup per few weight rows of each use of an expert.
func (pl *planner) matMulExperts(g *Group, op compute.MatMulExperts) error {
	w, used := pl.p.At(op.W), pl.p.At(op.IDs).Cols
	module, err := moduleOf("matmul_experts", w.DType, "")
	if err != nil {
		return err
	}
	rowBytes, err := w.DType.RowBytes(w.Cols)
	if err != nil {
		return err
	}
	const height = 4
	least := min(max(int(pl.caps.SubgroupSize), 8), 64)
	wg := min(max(pow2(ceilDiv(w.Cols, 16)), least), 64)
	n := w.Rows.Fixed / op.NumExperts
	slots := compute.PerToken(used)
	g.add(Dispatch{Module: module, Name: module, Spec: []uint32{uint32(wg), height, flag(op.Bias != 0), flag(pl.p.At(op.X).Rows == slots && used > 1)},
		Args: slices.Concat([]Arg{addr(op.X), addr(op.W), addr(op.Bias), addr(op.IDs), addr(op.Out)}, codebook(w.DType),
			[]Arg{rowsArg(slots), u32(used), u32(op.NumExperts), u32(n), u32(w.Cols), u32(int(rowBytes))}),
		Grid:  func(s Shape) [3]uint32 { return pl.fold(slots.At(s.Sizes()) * ceilDiv(n, height)) },
		Reads: refs(op.X, op.W, op.Bias, op.IDs), Writes: refs(op.Out)}, "each use of an expert reads its weights once, into registers")
	return nil
}

func (pl *planner) mix(g *Group, op compute.Mix) {
	cols, used := pl.p.At(op.X).Cols, pl.p.At(op.Weights).Cols
	g.add(pl.elementwise("mix", compute.PerToken(1), cols, nil,
		[]Arg{addr(op.X), addr(op.Weights), addr(op.Out), rowsArg(compute.PerToken(1)), u32(cols), u32(used)},
		refs(op.X, op.Weights), refs(op.Out)), "one invocation per element")
}
