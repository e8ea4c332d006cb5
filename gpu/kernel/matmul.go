package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// maxVecRows is the largest number of rows of X for which weights are read once, straight into registers.
const maxVecRows = 8

// tile is a shape of matmul_tile: BM weight rows by BN rows of X a workgroup, BK elements of a panel, TM by TN sums an
// invocation.
type tile struct{ bm, bn, bk, tm, tn int }

var (
	tile32 = tile{32, 32, 32, 4, 4}
	tile64 = tile{64, 64, 16, 4, 8}
)

func (t tile) invocations() int { return t.bm / t.tm * (t.bn / t.tn) }

// spec are the constants WG, BM, BN, BK, TM and TN.
func (t tile) spec() []uint32 {
	return []uint32{uint32(t.invocations()), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.tm), uint32(t.tn)}
}

func (t tile) shared(pair bool) int {
	panels := t.bm + 1
	if pair {
		panels *= 2
	}
	return 4 * t.bk * (panels + t.bn + 1)
}

// matMul plans the dispatches of a product: each number of rows of X takes exactly one of them.
func (pl *planner) matMul(g *Group, f product) error {
	m := pl.newMatMulPlan(g, f)
	if err := m.few(); err != nil {
		return err
	}
	if err := m.many(); err != nil {
		return err
	}
	g.nameKernel()
	switch {
	case m.forced != "":
		g.Why = "asked for " + m.forced
		if strings.Contains(m.forced, "int8") && !m.int8 || strings.HasPrefix(m.forced, "matmul_half") && !m.half {
			g.Why += fmt.Sprintf(", which is not made for %v: tiles of float32", m.p.At(f.ops[0].W).DType)
		}
	case m.lane && m.caps.UniformLoads:
		g.Why = "a CPU: activations are read once for all invocations"
	case m.lane:
		g.Why = "invocations with weight rows of their own"
	case m.most == 1:
		g.Why = "one row: every weight is read once, into registers"
	case m.int8:
		g.Why = fmt.Sprintf("to %d rows every weight is read once, into registers; beyond, packed dot products of bytes", maxVecRows)
	case m.half:
		g.Why = fmt.Sprintf("to %d rows every weight is read once, into registers; beyond, packed half precision", maxVecRows)
	case m.coop:
		g.Why = fmt.Sprintf("to %d rows every weight is read once, into registers; beyond, matrix units", maxVecRows)
	default:
		g.Why = fmt.Sprintf("to %d rows every weight is read once, into registers; beyond, tiles in shared memory", maxVecRows)
	}
	g.Why += m.whySums()
	if m.cuts {
		g.Why += inPieces
	}
	if m.found != "" {
		g.Why += "; for one row tuned: " + m.found
	} else if v := m.caps.vendor(); v != others && !m.lane && m.forced == "" {
		g.Why += "; for one row as on other devices of " + v.name
	}
	g.Why += g.whyTuned() + m.without["matmul"]
	return nil
}

// matMulPlan is the planning of one product.
type matMulPlan struct {
	*planner
	g      *Group
	f      product
	rows   compute.Extent
	most   int    // rows
	next   int    // the smallest number of rows not yet covered
	forced string // the variant asked for
	lane   bool   // matmul_lane for any number of rows
	coop   bool   // matrix units for many
	units  string // the kernel for them
	int8   bool   // matmul_int8 for many
	few8   bool   // matmul_vec_int8 for few
	half   bool   // matmul_half for many
	kernel string // the tuned kernel for many rows
	found  string // the tuned shape for one row
	cuts   bool   // K is cut into pieces for some numbers of rows

	norm *compute.RMSNorm // makes X for many rows where that is not in memory
}

func (pl *planner) newMatMulPlan(g *Group, f product) *matMulPlan {
	rows, forced := pl.p.At(f.ops[0].X).Rows, pl.o.Variant["matmul"]
	m := &matMulPlan{planner: pl, g: g, f: f, rows: rows, most: rows.At(pl.most.Sizes()), next: 1, forced: forced,
		lane: forced == "matmul_lane" || forced == "" && pl.caps.UniformLoads && pl.caps.takes("matmul_lane")}
	m.kernel = m.tunedKernel()
	m.coop = onMatrixUnits(m.wanted()) || m.wanted() == "" && !m.lane && pl.o.Math == compute.Fast && coopLacks(&pl.caps) == "" && pl.caps.takes("matmul_coop")
	if m.wanted() == "" && !m.coop && !pl.caps.takes("matmul_tile_32") && !pl.caps.takes("matmul_tile_64") {
		m.lane = true
	}
	if m.coop {
		m.units = m.unitsKernel()
	}
	m.int8, m.few8 = m.wantsInt8(), m.wantsFewInt8()
	m.half = m.wantsHalf()
	return m
}

// wanted is the kernel for many rows that was asked for or found; "": the plan's rule decides.
func (m *matMulPlan) wanted() string { return cmp.Or(m.forced, m.kernel) }

// few covers as many rows as the kernels without shared panels are for.
func (m *matMulPlan) few() error {
	if m.next == 1 {
		m.g.addProduct(m.key(m.f))
	}
	if few, ok := m.tuned(); ok && m.next == 1 {
		if err := m.add("_"+few.Kernel, 1, func(module string) (Dispatch, error) { return m.fewAs(module, few, 1) }); err != nil {
			return err
		}
		m.g.Taken = append(m.g.Taken, m.key(m.f))
		m.found = few.String()
	}
	suffix, dispatch := "_vec", m.matMulVec
	switch {
	case m.lane, m.forced == "" && !m.caps.takes("matmul_vec") && !m.few8:
		suffix, dispatch = "_lane", m.matMulLane
	case m.few8:
		if m.next <= m.most {
			m.bytes(m.f.norm.ofSquares(), maxVecRows)
		}
		suffix, dispatch = "_vec_int8", m.matMulVecInt8
	case !m.caps.SubgroupArith || strings.HasPrefix(m.forced, "matmul_tile_"):
		return nil
	}
	for _, cols := range []int{1, 2, 4, maxVecRows} {
		if (m.f.behind.wholeRows() || m.f.norm != nil && m.f.norm.layer != nil) && cols > mostWholeRows {
			break
		}
		suffix, plan := suffix, func(module string) (Dispatch, error) { return dispatch(module, m.f, cols) }
		if few, ok := m.severalTuned(cols); ok {
			suffix, plan = "_"+few.Kernel, func(module string) (Dispatch, error) { return m.fewAs(module, few, cols) }
		}
		if err := m.add(suffix, cols, plan); err != nil {
			return err
		}
	}
	return nil
}

// many covers the rest, by tiles of a shape that may be asked for, or by matmul_lane.
func (m *matMulPlan) many() error {
	all := max(m.most, m.next)
	if m.lane && m.kernel == "" {
		return m.add("_lane", all, func(module string) (Dispatch, error) { return m.matMulLane(module, m.f, maxVecRows) })
	}
	if m.coop {
		return m.coops(all)
	}
	if m.int8 {
		return m.int8s(all)
	}
	if m.half {
		return m.halfs(all)
	}
	large := tile64
	if m.forced == "matmul_tile_32" || !m.fits(large, m.f.pair) || m.forced == "" && !m.caps.takes("matmul_tile_64") {
		large = tile32
	}
	small := tile32
	if m.forced == "matmul_tile_64" || m.forced == "" && !m.caps.takes("matmul_tile_32") {
		small = large
	}
	as := func(t tile, to int) covering {
		return covering{to, func(to int) error {
			return m.addTiled("_tile", to, tiling{t.bm, t.bn, t.bk}, func(module string) (Dispatch, error) { return m.matMulTile(module, m.f, t) })
		}}
	}
	return m.cover(all, smallAndLarge(small, large, all, as), m.plainAs("matmul_tile", as))
}

// smallAndLarge are a tile for up to as many rows as it has, and one for more.
func smallAndLarge(small, large tile, all int, as func(tile, int) covering) []covering {
	if small == large {
		return []covering{as(large, all)}
	}
	return []covering{as(small, small.bn), as(large, all)}
}

// add appends the dispatch of a variant of the kernel for the numbers of rows not yet covered, up to to.
func (m *matMulPlan) add(suffix string, to int, plan func(module string) (Dispatch, error)) error {
	if m.next > min(m.most, to) {
		return nil
	}
	module, err := moduleOf("matmul", m.p.At(m.f.ops[0].W).DType, suffix)
	if err != nil {
		return err
	}
	d, err := plan(module)
	if err != nil {
		return err
	}
	m.g.addFor(d, m.rows, m.next, to)
	m.next = to + 1
	return nil
}

// addFor appends a dispatch that runs for from to to rows only.
func (g *Group) addFor(d Dispatch, rows compute.Extent, from, to int) {
	g.addIf(d, func(s Shape) bool { n := rows.At(s.Sizes()); return n >= from && n <= to })
}

// addIf appends a dispatch that runs for some shapes only.
func (g *Group) addIf(d Dispatch, when func(Shape) bool) {
	grid := d.Grid
	d.Grid = func(s Shape) [3]uint32 {
		if !when(s) {
			return [3]uint32{}
		}
		return grid(s)
	}
	g.Dispatches = append(g.Dispatches, d)
}

// narrow makes the dispatches from one on run for some shapes only, but for those that make bytes of X: what is planned next takes them too.
func (g *Group) narrow(from int, when func(Shape) bool) {
	list := g.Dispatches[from:]
	g.Dispatches = slices.Clip(g.Dispatches[:from])
	for _, d := range list {
		if strings.HasSuffix(d.Module, "quantize") {
			g.Dispatches = append(g.Dispatches, d)
			continue
		}
		g.addIf(d, when)
	}
}

func (pl *planner) fits(t tile, pair bool) bool {
	return t.shared(pair) <= int(pl.caps.SharedBytes) && t.invocations() <= int(pl.caps.MaxInvocations)
}

// vecGroup is the number of invocations that share the k products of a weight row: a subgroup at least, and no more than have 16
// each to do.
func (pl *planner) vecGroup(k int) uint32 {
	least := min(max(int(pl.caps.SubgroupSize), 8), 64)
	return uint32(min(max(pow2(ceilDiv(k, 16)), least), pl.caps.vendor().share))
}

func (pl *planner) matMulVec(module string, f product, cols int) (Dispatch, error) {
	k := pl.p.At(f.ops[0].X).Cols
	height := pl.caps.vendor().rows // of weights a workgroup: each is one more independent stream of loads, and cols more sums in registers
	if cols > 2 {
		height = 2
	}
	if f.pair {
		height /= 2
	}
	return pl.vecAs(module, f, cols, int(pl.vecGroup(k)), height)
}

// vecAs is matmul_vec with group invocations for height weight rows.
func (pl *planner) vecAs(module string, f product, cols, group, height int) (Dispatch, error) {
	spec := slices.Concat([]uint32{uint32(group), uint32(height), uint32(cols)}, f.epilogue(), pl.few(f))
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	blocks := pl.blocks(f, height)
	return pl.goes(f.withUnits(Dispatch{Module: module, Name: f.name(module, cols), Spec: spec, Args: args, Block: pl.extra(f), Reads: f.reads(), Writes: f.writes(),
		Grid: func(Shape) [3]uint32 { return pl.fold(blocks) }}), f, walk{bm: height, bn: cols, panel: 1, x: floatRow}), nil
}

func (pl *planner) matMulTile(module string, f product, t tile) (Dispatch, error) {
	spec := append(append(t.spec(), f.epilogue()...), 1)
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	blocks, rows := pl.blocks(f, t.bm), pl.p.At(f.ops[0].X).Rows
	return pl.goes(Dispatch{Module: module, Name: fmt.Sprintf("%s_%d", module, t.bm), Spec: spec, Args: args, Reads: f.reads(), Writes: f.writes(),
		Grid: func(s Shape) [3]uint32 {
			g := pl.fold(blocks)
			g[2] = uint32(ceilDiv(rows.At(s.Sizes()), t.bn))
			return g
		}}, f, walk{bm: t.bm, bn: t.bn, padded: true, panel: t.bk, x: floatRow}), nil
}

func (pl *planner) matMulLane(module string, f product, cols int) (Dispatch, error) {
	wg, height := int(max(pl.caps.SubgroupSize, 8)), 2
	if f.pair || cols > 4 && f.whole == nil {
		height = 1
	}
	return pl.laneAs(module, f, cols, wg, height)
}

// laneAs is matmul_lane with wg invocations of height weight rows each.
func (pl *planner) laneAs(module string, f product, cols, wg, height int) (Dispatch, error) {
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	spec := slices.Concat([]uint32{uint32(wg), uint32(height), uint32(cols)}, f.epilogue(), pl.few(f))
	blocks, rows := pl.blocks(f, wg*height), pl.p.At(f.ops[0].X).Rows
	return pl.goes(f.withUnits(Dispatch{Module: module, Name: f.name(module, cols), Spec: spec, Args: args, Block: pl.extra(f), Reads: f.reads(), Writes: f.writes(),
		Grid: func(s Shape) [3]uint32 {
			g := pl.fold(blocks)
			g[2] = uint32(ceilDiv(rows.At(s.Sizes()), cols))
			return g
		}}), f, walk{bm: wg * height, bn: cols, padded: true, panel: 1, x: floatRow}), nil
}
