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
	rows, cols := compute.PerToken(1), pl.p.At(m.x).Cols
	if m.perSlot {
		rows = compute.PerToken(m.used)
	}
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
	return expertsIn(pl, g, when, m, pl.int8Experts(g, m), planned, func(t tile) int { return t.bn }, func(t tile) ([]Dispatch, error) {
		d, err := pl.slotsInt8(m, t, g.blocks[i].temp)
		return []Dispatch{d}, err
	})
}

// slotsInt8 is one workgroup per tile t of the slots of one matrix, by the schedule in temporaries 0 and 1. X is in blocks in temporary x.
func (pl *planner) slotsInt8(m slots, t tile, x int) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, "_int8")
	if err != nil {
		return Dispatch{}, err
	}
	g, name, reads := gate{}, fmt.Sprintf("%s_%d", module, t.bm), append(refs(m.w, m.bias), Access{Temp: 0}, Access{Temp: 1}, Access{Temp: x})
	if m.gate != nil {
		g, name = *m.gate, name+"_gate"
		reads = append(reads, refs(g.up, g.bias)...)
	}
	n, out, writes := w.Rows.Fixed/m.matrices, addr(m.out), refs(m.out)
	if m.blocks != nil {
		out, writes = temp(m.blocks.temp), []Access{{Temp: m.blocks.temp}}
	}
	return Dispatch{Module: module, Name: name, Spec: append(t.spec(), flag(m.gate != nil), m.spec()[0], flag(m.perSlot), uint32(g.fn), flag(m.blocks != nil)),
		Args: slices.Concat([]Arg{temp(x), addr(m.w), addr(g.up), addr(m.bias), addr(g.bias), temp(0), temp(1), out}, codebook(w.DType),
			[]Arg{rowsArg(compute.PerToken(m.used)), u32(m.used), u32(n), u32(w.Cols), u32(rowBytes)}),
		Grid: func(s Shape) [3]uint32 {
			grid := pl.fold(ceilDiv(n, t.bm))
			grid[2] = uint32(tilesOf(s.Tokens*m.used, m.matrices, t.bn))
			return grid
		},
		Reads: reads, Writes: writes, Issued: pl.slotsTiles(m, tiling{t.bm, t.bn, t.bk}, blocksRow)}, nil
}
