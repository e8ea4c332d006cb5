package kernel

import (
	"fmt"
	"slices"

	"tuff/host/compute"
)

// expertTile are the shapes of matmul_experts_coop for up to bn slots of an expert, and the average uses of an expert from which on they
// are taken: rows that a tile pads are multiplied in vain, weights of a second tile are read once more.
type expertTile struct {
	from   int
	shapes []coopTile // from the largest on
}

var expertTiles = []expertTile{
	{0, []coopTile{{64, 32, 32, 2, 2}, coopTiles[len(coopTiles)-1]}},
	{32, []coopTile{{64, 64, 32, 2, 2}, {32, 64, 32, 1, 4}}},
	{128, []coopTile{{128, 128, 32, 2, 4}, {64, 128, 32, 2, 4}}},
}

// expertTilesOfFew are those of devices whose invocations have few registers.
var expertTilesOfFew = []expertTile{
	{0, []coopTile{{64, 32, 32, 8, 2}, {64, 32, 32, 8, 4}, {32, 32, 16, 4, 2}, {32, 32, 16, 4, 4}}},
	{32, []coopTile{{64, 64, 32, 4, 4}, {64, 64, 32, 8, 4}, {64, 64, 32, 8, 8}, {32, 64, 32, 4, 4}}},
	{128, []coopTile{{128, 128, 32, 8, 8}, {64, 128, 32, 4, 8}}},
}

func (c *Caps) expertTiles() []expertTile {
	if c.Registers > 0 {
		return expertTilesOfFew
	}
	return expertTiles
}

// expertsFit says whether a device can run a tile: it remembers its slots besides.
func expertsFit(caps *Caps, m CoopMatShape, t coopTile, pair bool) bool {
	return t.fits(caps, m, pair) && t.shared(m, pair)+4*t.bn <= int(caps.SharedBytes)
}

// expertsCoopLacks is what a device lacks for matmul_experts_coop, or "".
func expertsCoopLacks(caps *Caps) string {
	lacks := coopLacks(caps)
	if m, _ := caps.Matrix(CoopMatFloat); lacks == "" && !slices.ContainsFunc(caps.expertTiles()[0].shapes, func(t coopTile) bool { return expertsFit(caps, m, t, true) }) {
		lacks = fmt.Sprintf("room for tiles of %v and their slots", m)
	}
	return lacks
}

// expertsOnUnits says whether many uses of experts are for matrix units: where they are asked for, and in fast arithmetic on devices that
// have them. CPUs only imitate them.
func (pl *planner) expertsOnUnits() bool {
	forced := pl.o.Variant["matmul_experts"]
	return forced == "matmul_experts_coop" ||
		forced == "" && pl.o.Math == compute.Fast && !pl.caps.UniformLoads && pl.caps.takes("matmul_experts_coop") && expertsCoopLacks(&pl.caps) == ""
}

// expertsCoop appends the multiplication on matrix units of m, with its gate, in tiles for small to large average loads of an expert.
func (pl *planner) expertsCoop(g *Group, when func(Shape) bool, m slots) error {
	shape, _ := pl.caps.Matrix(CoopMatFloat)
	x := pl.expertsX(g, when, m, coopTop)
	var planned []loaded[coopTile]
	for _, e := range pl.caps.expertTiles() {
		if i := slices.IndexFunc(e.shapes, func(t coopTile) bool { return expertsFit(&pl.caps, shape, t, m.gate != nil) }); i >= 0 {
			planned = append(planned, loaded[coopTile]{e.shapes[i], e.from})
		}
	}
	return expertsIn(pl, g, when, m, pl.coopExperts(g, m, shape), planned, func(t coopTile) int { return t.bn }, func(t coopTile) ([]Dispatch, error) {
		d, err := pl.slotsCoop(m, t, shape, x)
		return []Dispatch{d}, err
	})
}

// expertsX is what m multiplies, in halves: those that are there, or that it appends.
func (pl *planner) expertsX(g *Group, when func(Shape) bool, m slots, top uint32) inHalves {
	pl.scheduleTemps(g, m)
	if i := slices.IndexFunc(g.halves, func(h inHalves) bool { return h.x == m.x }); i >= 0 {
		return g.halves[i]
	}
	x := inHalves{x: m.x, top: top, temp: len(g.Temps)}
	g.halves = append(g.halves, x)
	g.Temps = append(g.Temps, halvesTemp(m.xRows(), pl.p.At(m.x).Cols))
	g.addIf(pl.toHalves(m.x, m.xRows(), x.temp, top), when)
	return x
}

// slotsCoop is one workgroup per tile t of the slots of one matrix, by the schedule in temporaries 0 and 1. X is read as x has it.
func (pl *planner) slotsCoop(m slots, t coopTile, shape CoopMatShape, x inHalves) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, "_coop")
	if err != nil {
		return Dispatch{}, err
	}
	g, name, reads := gate{}, fmt.Sprintf("%s_%dx%d", module, t.bm, t.bn), append(refs(m.w, m.bias), Access{Temp: 0}, Access{Temp: 1}, Access{Temp: x.temp})
	if m.gate != nil {
		g, name = *m.gate, name+"_gate"
		reads = append(reads, refs(g.up, g.bias)...)
	}
	n, top, out, writes := w.Rows.Fixed/m.matrices, uint32(0), addr(m.out), refs(m.out)
	if m.halves != nil {
		top, out, writes = m.halves.top, temp(m.halves.temp), []Access{{Temp: m.halves.temp}}
	}
	return Dispatch{Module: module, Name: name, Subgroup: pl.caps.SubgroupSize,
		Spec: []uint32{uint32(t.invocations(&pl.caps)), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.sgm), uint32(t.sgn), shape.M, shape.N, shape.K,
			flag(m.gate != nil), m.spec()[0], flag(m.perSlot), uint32(g.fn), flag(x.eights), top},
		Args: slices.Concat([]Arg{temp(x.temp), addr(m.w), addr(g.up), addr(m.bias), addr(g.bias), temp(0), temp(1), out}, codebook(w.DType),
			[]Arg{rowsArg(compute.PerToken(m.used)), u32(m.used), u32(n), u32(w.Cols), u32(rowBytes)}),
		Grid: func(s Shape) [3]uint32 {
			grid := pl.fold(ceilDiv(n, t.bm))
			grid[2] = uint32(tilesOf(s.Tokens*m.used, m.matrices, t.bn))
			return grid
		},
		Reads: reads, Writes: writes, Issued: pl.slotsTiles(m, tiling{t.bm, t.bn, t.bk}, x.form())}, nil
}
