package kernel

import (
	"cmp"
	"fmt"
	"slices"

	"tuff/host/compute"
)

// expertsInt8Fits says whether a device can run a tile of matmul_experts_int8: it remembers its slots besides.
func (pl *planner) expertsInt8Fits(t tile, pair bool) bool {
	return pl.int8Fits(t, pair) && int8Shared(t, pair)+4*t.bn <= int(pl.caps.SharedBytes)
}

// expertsInt8Lacks is what a device lacks for matmul_experts_int8, or "".
func expertsInt8Lacks(caps *Caps) string {
	pl, room := planner{caps: *caps}, ""
	if small, _ := pl.int8Tiles(true); !pl.expertsInt8Fits(small, true) {
		room = fmt.Sprintf("room for tiles of %d weight rows and their slots", small.bm)
	}
	return cmp.Or(int8Lacks(caps), room)
}

// expertsInBytes decides on matmul_experts_int8 for many uses of experts by the rules of matmul_int8, but for devices with matrix units.
func (pl *planner) expertsInBytes(w compute.Ref) bool {
	const kernel = "matmul_experts_int8"
	can, forced := asBytes(pl.p.At(w).DType) && expertsInt8Lacks(&pl.caps) == "", pl.o.Variant["matmul_experts"]
	return can && (forced == kernel ||
		forced == "" && pl.o.Math == compute.Fast && !pl.caps.UniformLoads && pl.caps.FastDot && pl.caps.takes(kernel))
}

// expertsInt8 appends the multiplication in packed dot products of m, with its gate, in tiles for small and for large average loads of an
// expert.
func (pl *planner) expertsInt8(g *Group, when func(Shape) bool, m slots) error {
	rows, cols := m.xRows(), pl.p.At(m.x).Cols
	pl.scheduleTemps(g, m)
	i := slices.IndexFunc(g.blocks, func(b inBlocks) bool { return b.x == m.x })
	if i < 0 {
		i = len(g.blocks)
		g.blocks = append(g.blocks, inBlocks{x: m.x, from: 1, to: rows.At(pl.most.Sizes()), temp: len(g.Temps)})
		g.Temps = append(g.Temps, blocksTemp("activations in blocks of bytes", rows, cols))
		g.addIf(pl.quantize(m.x, g.blocks[i].temp, scaled(rows, cols/int8Block)), when)
	}
	small, large := pl.int8Tiles(m.gate != nil)
	planned := []loaded[tile]{{small, 0}}
	if large != small && pl.expertsInt8Fits(large, m.gate != nil) {
		planned = append(planned, loaded[tile]{large, large.bn})
	}
	return expertsIn(pl, g, when, m, pl.plainExperts(g, m, "matmul_experts_int8"), planned, func(t tile) int { return t.bn }, func(t tile) ([]Dispatch, error) {
		d, err := pl.slotsInt8(m, t, g.blocks[i].temp)
		return []Dispatch{d}, err
	})
}

// slotsInt8 is one workgroup per tile t of the slots of one matrix, by the schedule in temporaries 0 and 1. X is in blocks in temporary x.
func (pl *planner) slotsInt8(m slots, t tile, x int) (Dispatch, error) {
	d, err := pl.slotsGated(m, "_int8", tiling{t.bm, t.bn, t.bk}, x, blocksRow)
	if m.blocks != nil {
		i := slices.IndexFunc(d.Args, func(a Arg) bool { return a.Kind == ArgAddr && a.Ref == m.out })
		d.Args[i], d.Writes = temp(m.blocks.temp), []Access{{Temp: m.blocks.temp}}
	}
	d.Spec = append(t.spec(), m.gatedSpec(flag(m.blocks != nil))...)
	return d, err
}
