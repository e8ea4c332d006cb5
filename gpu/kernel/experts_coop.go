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

// slotsCoop is one workgroup per tile t of the slots of one matrix. X is read as x has it.
func (pl *planner) slotsCoop(m slots, t coopTile, shape CoopMatShape, x inHalves) (Dispatch, error) {
	d, err := pl.slotsGated(m, "_coop", fmt.Sprintf("%dx%d", t.bm, t.bn), tiling{t.bm, t.bn, t.bk}, x.temp, x.form())
	top := uint32(0)
	if m.halves != nil {
		top, d = m.halves.top, d.leaving(m.out, m.halves.temp)
	}
	d.Subgroup = pl.caps.SubgroupSize
	d.Spec = append([]uint32{uint32(t.invocations(&pl.caps)), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.sgm), uint32(t.sgn), shape.M, shape.N, shape.K},
		m.gatedSpec(flag(x.eights), top)...)
	return d, err
}
