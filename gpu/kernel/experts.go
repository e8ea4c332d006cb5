package kernel

import (
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// route plans one workgroup per token.
func (pl *planner) route(g *Group, op compute.Route) {
	g.add(pl.routeDispatch(op), "one workgroup per token")
}

func (pl *planner) routeDispatch(op compute.Route) Dispatch {
	e := pl.p.At(op.Logits).Cols
	wg := min(max(pow2(e), 8), 64)
	return Dispatch{Module: "route", Name: "route",
		Spec: []uint32{uint32(wg)},
		Args: append([]Arg{addr(op.Logits), addr(op.Bias), addr(op.Scale), addr(op.IDs), addr(op.Weights), rowsArg(compute.PerToken(1)), u32(e)}, routeArgs(op)...),
		Grid: func(s Shape) [3]uint32 { return pl.fold(s.Tokens) }, Reads: refs(op.Logits, op.Bias, op.Scale), Writes: refs(op.IDs, op.Weights), Issued: pl.once(op)}
}

// routeArgs are the numbers that say how a route chooses.
func routeArgs(op compute.Route) []Arg {
	flags := flag(op.Bias != 0) | flag(op.Normalize)<<1 | flag(op.GroupTop2)<<2 | flag(op.Scale != 0)<<3
	return []Arg{u32(op.Used), u32(int(op.Gate)), u32(max(op.Groups, 1)), u32(op.UsedGroups), u32(int(flags)), f32(op.Factor), f32(op.Jitter)}
}

// groupedLoad is the average of uses of an expert from which grouping them pays: each then reads its weights at most a
// third as often, which is worth the two small dispatches more.
const groupedLoad = 3

// expertForm is how many uses of experts are multiplied.
type expertForm int

const (
	formTile expertForm = iota // in float32, a gate and what it opens each by itself
	formHalf                   // in packed half precision
	formInt8                   // in packed dot products
	formCoop                   // on matrix units
)

// groupedExperts are the variants, by form.
var groupedExperts = []string{"matmul_experts_tile", "matmul_experts_half", "matmul_experts_int8", "matmul_experts_coop"}

// expertsForm is the form for a matrix: the one that was asked for, or in fast arithmetic the best that the device has.
func (pl *planner) expertsForm(w compute.Ref) expertForm {
	switch {
	case pl.expertsOnUnits():
		return formCoop
	case pl.expertsInBytes(w):
		return formInt8
	case pl.expertsInHalves(w):
		return formHalf
	}
	return formTile
}

// why is the end of a group's Why.
func (f expertForm) why() string {
	return [...]string{"", ", for packed half precision", ", for packed dot products", ", for matrix units"}[f]
}

// expertLimit is the most uses of experts that are not grouped by expert; 0: all are.
func (pl *planner) expertLimit(op compute.MatMulExperts) int {
	switch forced := pl.o.Variant["matmul_experts"]; {
	case forced == "matmul_experts_vec" || forced == "matmul_experts_lane",
		forced == "" && pl.caps.SubgroupArith && !(pl.fits(tile32, false) && pl.caps.takes("matmul_experts_tile")) && pl.expertsForm(op.W) == formTile:
		return math.MaxInt
	case slices.Contains(groupedExperts, forced) || !pl.caps.SubgroupArith,
		forced == "" && !pl.caps.takes("matmul_experts_vec") && !pl.caps.takes("matmul_experts_lane"):
		return 0
	}
	return groupedLoad*op.NumExperts - 1
}

// expertLanes says whether invocations have weight rows of their own.
func (pl *planner) expertLanes() bool {
	if forced := pl.o.Variant["matmul_experts"]; forced != "" {
		return forced == "matmul_experts_lane"
	}
	if pl.caps.UniformLoads {
		return pl.caps.takes("matmul_experts_lane")
	}
	return !pl.caps.takes("matmul_experts_vec")
}

// matMulExperts plans two forms, of which each number of tokens takes one: few uses read the weights of their experts one by
// one; many are grouped by expert on the device and multiplied in tiles.
func (pl *planner) matMulExperts(g *Group, op compute.MatMulExperts) error {
	limit := pl.expertLimit(op)
	if limit > 0 {
		d, err := pl.slotsVec(pl.expertSlots(op), pl.expertLanes())
		if err != nil {
			return err
		}
		g.addIf(d, pl.usesTo(op, limit))
	}
	if most := pl.usesTo(op, limit); !most(pl.most) {
		if err := pl.manyExperts(g, func(s Shape) bool { return !most(s) }, pl.expertSlots(op), nil, op); err != nil {
			return err
		}
	}
	pl.nameExperts(g, op, limit)
	return nil
}

// usesTo says of a shape whether it has at most limit uses of experts.
func (pl *planner) usesTo(op compute.MatMulExperts, limit int) func(Shape) bool {
	used := pl.p.At(op.IDs).Cols
	return func(s Shape) bool { return s.Tokens*used <= limit }
}

func (pl *planner) nameExperts(g *Group, op compute.MatMulExperts, limit int) {
	g.nameKernel()
	defer func() { g.Why += g.whyTuned() + pl.without["matmul_experts"] }()
	forced := pl.o.Variant["matmul_experts"]
	switch {
	case forced != "":
		g.Why = "asked for " + forced
		if i := slices.Index(groupedExperts, forced); i >= 0 && pl.expertsForm(op.W) != expertForm(i) {
			g.Why += fmt.Sprintf(", which is not made for %v: tiles of float32", pl.p.At(op.W).DType)
		}
	case limit == 0:
		g.Why = "uses of an expert are grouped on the device: the other form needs subgroup arithmetic"
	case pl.usesTo(op, limit)(pl.most):
		g.Why = "each use of an expert reads its weights once, into registers"
	default:
		g.Why = fmt.Sprintf("to %d uses each reads its expert's weights once, into registers; beyond, they are grouped by expert", limit)
		g.Why += pl.expertsForm(op.W).why()
	}
}

// loaded is a tile for at least so many uses of an expert, on average.
type loaded[T any] struct {
	tile T
	from int
}

// expertsIn appends schedules of the uses of m's experts and what multiplies them in tiles: those that were found, and planned, in ascending
// order, for the rest. size is the number of slots of a tile.
func expertsIn[T any](pl *planner, g *Group, when func(Shape) bool, m slots, tuned []tunedTile[T], planned []loaded[T], size func(T) int,
	multiply func(T) ([]Dispatch, error)) error {
	pl.scheduleTemps(g, m)
	add := func(t T, of scheduled, is func(Shape) bool) error {
		if of.size = size(t); !slices.Contains(g.schedules, of) { // another op of the group may have made it
			g.addIf(pl.schedule(m, of.size), is)
			g.schedules = append(g.schedules, of)
		}
		list, err := multiply(t)
		for _, d := range list {
			g.addIf(d, is)
		}
		return err
	}
	for _, t := range tuned {
		if err := add(t.tile, scheduled{tuned: t.class.Name}, func(s Shape) bool { return when(s) && t.is(s) }); err != nil {
			return err
		}
	}
	others, without := outside(tuned, when)
	for i, c := range planned {
		to := math.MaxInt
		if i+1 < len(planned) {
			to = planned[i+1].from
		}
		is := func(s Shape) bool {
			uses := s.Tokens * m.used
			return others(s) && uses >= c.from*m.matrices && (to == math.MaxInt || uses < to*m.matrices)
		}
		if c.from > 0 && pl.most.Tokens*m.used < c.from*m.matrices {
			break
		}
		if err := add(c.tile, scheduled{from: c.from, to: to, without: without}, is); err != nil {
			return err
		}
	}
	return nil
}

// scheduled is a schedule of tiles of size slots, for so many uses of an expert, on average, without what some classes were tuned for; or
// for what one was tuned for.
type scheduled struct {
	size, from, to int
	tuned, without string
}

// expertsTiled appends the multiplications in tiles, for small and for large average loads of an expert. The ops have the same uses of the
// same experts.
func (pl *planner) expertsTiled(g *Group, when func(Shape) bool, ops ...compute.MatMulExperts) error {
	m, planned := pl.expertSlots(ops[0]), []loaded[tile]{{tile32, 0}}
	if pl.fits(tile64, false) {
		planned = append(planned, loaded[tile]{tile64, tile64.bn})
	}
	return expertsIn(pl, g, when, m, pl.plainExperts(g, m, "matmul_experts_tile"), planned, func(t tile) int { return t.bn }, func(t tile) (list []Dispatch, err error) {
		for _, op := range ops {
			d, err := pl.slotsTile(pl.expertSlots(op), t, func(s Shape) int { return tilesOf(s.Tokens*m.used, m.matrices, t.bn) }, 0, 1)
			if err != nil {
				return nil, err
			}
			list = append(list, d)
		}
		return list, nil
	})
}

// scheduleTemps are temporaries 0 and 1: what a schedule consists of. No tile is smaller than tile32.
func (pl *planner) scheduleTemps(g *Group, m slots) {
	if len(g.Temps) > 0 {
		return // the group has a schedule
	}
	uses := func(s Shape) int { return s.Tokens * m.used }
	g.Temps = []Temp{
		{Name: "slots by expert", Bytes: func(s Shape) int64 { return 4 * int64(uses(s)) }},
		{Name: "tiles", Bytes: func(s Shape) int64 { return 12 * int64(tilesOf(uses(s), m.matrices, tile32.bn)) }},
	}
}

// schedule groups the uses of experts into tiles of size slots.
func (pl *planner) schedule(m slots, size int) Dispatch {
	wg := min(256, pow2(int(pl.caps.MaxInvocations)/2+1))
	return Dispatch{Module: "matmul_experts_group", Name: fmt.Sprintf("matmul_experts_group_%d", size), Spec: []uint32{uint32(wg)},
		Args: []Arg{addr(m.ids), temp(0), temp(1), rowsArg(compute.PerToken(m.used)), u32(m.matrices), u32(size)},
		Grid: func(Shape) [3]uint32 { return [3]uint32{1, 1, 1} }, Reads: refs(m.ids), Writes: []Access{{Temp: 0}, {Temp: 1}},
		Issued: func(s *compute.Step) compute.Cost { // ids are counted, then put in order
			uses := len(s.Tokens) * m.used
			return compute.Cost{Bytes: 3*4*int64(uses) + 12*int64(tilesOf(uses, m.matrices, size))}
		}}
}

// tilesOf is the most tiles of size uses that uses of experts make: each expert has at most one that is not full.
func tilesOf(uses, experts, size int) int { return min(uses/size+experts, uses) }

func (pl *planner) mix(g *Group, op compute.Mix) {
	g.add(pl.mixDispatch(op), "one invocation per element")
}

func (pl *planner) mixDispatch(op compute.Mix) Dispatch {
	t, sums := pl.p.At(op.Out), op.Sums(pl.p)
	out := t.Rows.PerToken * t.Cols
	return pl.elementwise("mix", compute.PerToken(1), out, []uint32{flag(op.Weights != 0)},
		[]Arg{addr(op.X), addr(op.Weights), addr(op.Out), rowsArg(compute.PerToken(1)), u32(out / sums), u32(op.Used(pl.p) / sums), u32(sums)},
		refs(op.X, op.Weights), refs(op.Out)).issuing(pl.once(op))
}
