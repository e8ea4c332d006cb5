package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// gatedTiles is a kernel of experts that has no matrix units, and keeps gates with what they open.
type gatedTiles struct {
	kernel, form string
	tiles        func(pl *planner, pair bool) (small, large tile) // of the multiplication by one matrix, as all that follow
	shared       func(t tile, pair bool) int
	fits         func(pl *planner, t tile, pair bool) bool
	without      func(caps *Caps) string // what a device lacks
}

var (
	expertHalves = gatedTiles{"matmul_experts_half", "_half", (*planner).halfTiles, halfShared, (*planner).halfFits, halfLacks}
	expertBytes  = gatedTiles{"matmul_experts_int8", "_int8", (*planner).int8Tiles, int8Shared, (*planner).int8Fits, int8Lacks}
)

// fit says whether a device can run a tile: it remembers its slots besides.
func (k gatedTiles) fit(pl *planner, t tile, pair bool) bool {
	return k.fits(pl, t, pair) && k.shared(t, pair)+4*t.bn <= int(pl.caps.SharedBytes)
}

// lacks is what a device lacks for it, or "".
func (k gatedTiles) lacks(caps *Caps) string {
	pl, room := &planner{caps: *caps}, ""
	if small, _ := k.tiles(pl, true); !k.fit(pl, small, true) {
		room = fmt.Sprintf("room for tiles of %d weight rows and their slots", small.bm)
	}
	return cmp.Or(k.without(caps), room)
}

// wanted decides on it, for weights that it can multiply: where it was asked for, or in fast arithmetic where it gains.
func (k gatedTiles) wanted(pl *planner, gains bool) bool {
	forced := pl.o.Variant["matmul_experts"]
	return k.lacks(&pl.caps) == "" &&
		(forced == k.kernel || forced == "" && gains && pl.o.Math == compute.Fast && !pl.caps.UniformLoads && pl.caps.takes(k.kernel))
}

// multiply appends the multiplication of m, with its gate, in tiles for small and for large average loads of an expert. X lies in temporary
// x, in rows of so many bytes; each dispatch ends with its own constant.
func (k gatedTiles) multiply(pl *planner, g *Group, when func(Shape) bool, m slots, x int, row func(k int) int, constant uint32) error {
	small, large := k.tiles(pl, m.gate != nil)
	planned := []loaded[tile]{{small, 0}}
	if large != small && k.fit(pl, large, m.gate != nil) {
		planned = append(planned, loaded[tile]{large, large.bn})
	}
	return expertsIn(pl, g, when, m, pl.plainExperts(g, m, k.kernel), planned, func(t tile) int { return t.bn }, func(t tile) ([]Dispatch, error) {
		d, err := pl.slotsGated(m, k.form, strconv.Itoa(t.bm), tiling{t.bm, t.bn, t.bk}, x, row)
		if m.blocks != nil {
			d = d.leaving(m.out, m.blocks.temp)
		}
		d.Spec = append(t.spec(), m.gatedSpec(constant)...)
		return []Dispatch{d}, err
	})
}

// expertsInHalves decides on matmul_experts_half for many uses of experts by the rules of matmul_half, for what nothing faster multiplies.
func (pl *planner) expertsInHalves(w compute.Ref) bool {
	return slices.Contains(shaders.ExpertHalfFormats, strings.ToLower(pl.p.At(w).DType.String())) && expertHalves.wanted(pl, !pl.caps.CPU)
}

// expertsInBytes decides on matmul_experts_int8 for many uses of experts by the rules of matmul_int8, but for devices with matrix units.
func (pl *planner) expertsInBytes(w compute.Ref) bool {
	return asBytes(pl.p.At(w).DType) && expertBytes.wanted(pl, pl.caps.FastDot)
}

// expertsHalf appends the multiplication in packed half precision of m, with its gate.
func (pl *planner) expertsHalf(g *Group, when func(Shape) bool, m slots) error {
	return expertHalves.multiply(pl, g, when, m, pl.expertsX(g, when, m, halfTop).temp, halvesRow, halfFold)
}

// expertsInt8 appends the multiplication in packed dot products of m, with its gate.
func (pl *planner) expertsInt8(g *Group, when func(Shape) bool, m slots) error {
	return expertBytes.multiply(pl, g, when, m, pl.expertsBlocks(g, when, m), blocksRow, flag(m.blocks != nil))
}

// expertsBlocks is the temporary with what m multiplies in blocks of bytes: the one that is there, or that it appends.
func (pl *planner) expertsBlocks(g *Group, when func(Shape) bool, m slots) int {
	pl.scheduleTemps(g, m)
	if i := slices.IndexFunc(g.blocks, func(b inBlocks) bool { return b.x == m.x }); i >= 0 {
		return g.blocks[i].temp
	}
	rows, cols, id := m.xRows(), pl.p.At(m.x).Cols, len(g.Temps)
	g.blocks = append(g.blocks, inBlocks{x: m.x, from: 1, to: rows.At(pl.most.Sizes()), temp: id})
	g.Temps = append(g.Temps, blocksTemp("activations in blocks of bytes", rows, cols))
	g.addIf(pl.quantize(m.x, id, scaled(rows, cols/int8Block)), when)
	return id
}
