package kernel

import (
	"fmt"
	"math"
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
			u32(op.UsedGroups), u32(int(flags)), f32(op.Factor), f32(op.Jitter)},
		Grid: func(s Shape) [3]uint32 { return pl.fold(s.Tokens) }, Reads: refs(op.Logits, op.Bias), Writes: refs(op.IDs, op.Weights)},
		"one workgroup per token")
}

// groupedLoad is the average of uses of an expert from which grouping them pays: each then reads its weights at most a
// third as often, which is worth the two small dispatches more.
const groupedLoad = 3

// matMulExperts plans two forms, of which each number of tokens takes one: few uses read the weights of their experts one by
// one; many are grouped by expert on the device and multiplied in tiles.
func (pl *planner) matMulExperts(g *Group, op compute.MatMulExperts) error {
	used := pl.p.At(op.IDs).Cols
	uses := func(s Shape) int { return s.Tokens * used }
	limit := groupedLoad*op.NumExperts - 1 // the most uses that are not grouped
	forced := pl.o.Variant["matmul_experts"]
	switch {
	case forced == "matmul_experts_vec" || forced == "" && pl.caps.SubgroupArith && !pl.fits(tile32, false):
		limit = math.MaxInt
	case forced == "matmul_experts_tile" || !pl.caps.SubgroupArith:
		limit = 0
	}
	if limit > 0 {
		d, err := pl.expertsVec(op)
		if err != nil {
			return err
		}
		g.addIf(d, func(s Shape) bool { return uses(s) <= limit })
	}
	if uses(pl.most) > limit {
		if err := pl.expertsTiled(g, op, func(s Shape) bool { return uses(s) > limit }); err != nil {
			return err
		}
	}
	g.Kernel = g.Dispatches[0].Name
	if last := g.Dispatches[len(g.Dispatches)-1].Name; last != g.Kernel {
		g.Kernel += " to " + last
	}
	switch {
	case forced != "":
		g.Why = "asked for " + forced
	case limit == 0:
		g.Why = "uses of an expert are grouped on the device: the other form needs subgroup arithmetic"
	case uses(pl.most) <= limit:
		g.Why = "each use of an expert reads its weights once, into registers"
	default:
		g.Why = fmt.Sprintf("to %d uses each reads its expert's weights once, into registers; beyond, they are grouped by expert", limit)
	}
	return nil
}

// expertsVec is one workgroup per few weight rows of each use of an expert.
func (pl *planner) expertsVec(op compute.MatMulExperts) (Dispatch, error) {
	w, used := pl.p.At(op.W), pl.p.At(op.IDs).Cols
	module, err := moduleOf("matmul_experts", w.DType, "_vec")
	if err != nil {
		return Dispatch{}, err
	}
	rowBytes, err := w.DType.RowBytes(w.Cols)
	if err != nil {
		return Dispatch{}, err
	}
	const height = 4
	least := min(max(int(pl.caps.SubgroupSize), 8), 64)
	wg := min(max(pow2(ceilDiv(w.Cols, 16)), least), 64)
	n := w.Rows.Fixed / op.NumExperts
	slots := compute.PerToken(used)
	return Dispatch{Module: module, Name: module, Spec: []uint32{uint32(wg), height, flag(op.Bias != 0), pl.perSlot(op), 0},
		Args: slices.Concat([]Arg{addr(op.X), addr(op.W), addr(op.Bias), addr(op.IDs), addr(op.Out)}, codebook(w.DType),
			[]Arg{rowsArg(slots), u32(used), u32(op.NumExperts), u32(n), u32(w.Cols), u32(int(rowBytes))}),
		Grid:  func(s Shape) [3]uint32 { return pl.fold(slots.At(s.Sizes()) * ceilDiv(n, height)) },
		Reads: refs(op.X, op.W, op.Bias, op.IDs), Writes: refs(op.Out)}, nil
}

// expertsTiled appends the schedule and the multiplication in tiles, for small and for large average loads of an expert.
func (pl *planner) expertsTiled(g *Group, op compute.MatMulExperts, when func(Shape) bool) error {
	w, used := pl.p.At(op.W), pl.p.At(op.IDs).Cols
	module, err := moduleOf("matmul_experts", w.DType, "_tile")
	if err != nil {
		return err
	}
	rowBytes, err := w.DType.RowBytes(w.Cols)
	if err != nil {
		return err
	}
	if !pl.fits(tile32, false) {
		return unsupported("got %d bytes of shared memory, want %d for tiles", pl.caps.SharedBytes, tile32.shared(false))
	}
	n, slots := w.Rows.Fixed/op.NumExperts, compute.PerToken(used)
	g.Temps = []Temp{
		{Name: "slots by expert", Bytes: func(s Shape) int64 { return 4 * int64(s.Tokens*used) }},
		{Name: "tiles", Bytes: func(s Shape) int64 { return 12 * int64(tilesOf(s.Tokens*used, op.NumExperts, tile32.bn)) }},
	}
	wg := min(256, pow2(int(pl.caps.MaxInvocations)/2+1))
	for _, t := range []tile{tile32, tile64} {
		if !pl.fits(t, false) {
			continue
		}
		large := pl.fits(tile64, false)
		is := func(s Shape) bool {
			return when(s) && (t == tile64) == (large && s.Tokens*used >= tile64.bn*op.NumExperts)
		}
		if !is(pl.most) && t == tile64 {
			continue
		}
		g.addIf(Dispatch{Module: "matmul_experts_group", Name: fmt.Sprintf("matmul_experts_group_%d", t.bn), Spec: []uint32{uint32(wg)},
			Args: []Arg{addr(op.IDs), temp(0), temp(1), rowsArg(slots), u32(op.NumExperts), u32(t.bn)},
			Grid: func(Shape) [3]uint32 { return [3]uint32{1, 1, 1} }, Reads: refs(op.IDs), Writes: []Access{{Temp: 0}, {Temp: 1}}}, is)
		g.addIf(Dispatch{Module: module, Name: fmt.Sprintf("%s_%d", module, t.bm),
			Spec: []uint32{uint32(t.invocations()), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.tm), uint32(t.tn), flag(op.Bias != 0), pl.perSlot(op), 0},
			Args: slices.Concat([]Arg{addr(op.X), addr(op.W), addr(op.Bias), temp(0), temp(1), addr(op.Out)}, codebook(w.DType),
				[]Arg{rowsArg(slots), u32(used), u32(n), u32(w.Cols), u32(int(rowBytes))}),
			Grid: func(s Shape) [3]uint32 {
				grid := pl.fold(ceilDiv(n, t.bm))
				grid[2] = uint32(tilesOf(s.Tokens*used, op.NumExperts, t.bn))
				return grid
			},
			Reads: append(refs(op.X, op.W, op.Bias), Access{Temp: 0}, Access{Temp: 1}), Writes: refs(op.Out)}, is)
	}
	return nil
}

// tilesOf is the most tiles of size uses that uses of experts make: each expert has at most one that is not full.
func tilesOf(uses, experts, size int) int { return min(uses/size+experts, uses) }

// perSlot is the constant X_PER_SLOT.
func (pl *planner) perSlot(op compute.MatMulExperts) uint32 {
	used := pl.p.At(op.IDs).Cols
	return flag(pl.p.At(op.X).Rows == compute.PerToken(used) && used > 1)
}

func (pl *planner) mix(g *Group, op compute.Mix) {
	cols, used := pl.p.At(op.X).Cols, pl.p.At(op.Weights).Cols
	g.add(pl.elementwise("mix", compute.PerToken(1), cols, nil,
		[]Arg{addr(op.X), addr(op.Weights), addr(op.Out), rowsArg(compute.PerToken(1)), u32(cols), u32(used)},
		refs(op.X, op.Weights), refs(op.Out)), "one invocation per element")
}
