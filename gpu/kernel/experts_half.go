package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// expertsHalfFits says whether a device can run a tile of matmul_experts_half: it remembers its slots besides.
func (pl *planner) expertsHalfFits(t tile, pair bool) bool {
	return pl.halfFits(t, pair) && halfShared(t, pair)+4*t.bn <= int(pl.caps.SharedBytes)
}

// expertsHalfLacks is what a device lacks for matmul_experts_half, or "".
func expertsHalfLacks(caps *Caps) string {
	pl, room := planner{caps: *caps}, ""
	if small, _ := pl.halfTiles(true); !pl.expertsHalfFits(small, true) {
		room = fmt.Sprintf("room for tiles of %d weight rows and their slots", small.bm)
	}
	return cmp.Or(halfLacks(caps), room)
}

// expertsInHalves decides on matmul_experts_half for many uses of experts by the rules of matmul_half, for what nothing faster multiplies.
func (pl *planner) expertsInHalves(w compute.Ref) bool {
	const kernel = "matmul_experts_half"
	can := slices.Contains(shaders.ExpertHalfFormats, strings.ToLower(pl.p.At(w).DType.String())) && expertsHalfLacks(&pl.caps) == ""
	forced := pl.o.Variant["matmul_experts"]
	return can && (forced == kernel ||
		forced == "" && pl.o.Math == compute.Fast && !pl.caps.UniformLoads && !pl.caps.CPU && pl.caps.takes(kernel))
}

// expertsHalf appends the multiplication in packed half precision of m, with its gate, in tiles for small and for large average loads of
// an expert.
func (pl *planner) expertsHalf(g *Group, when func(Shape) bool, m slots) error {
	x := pl.expertsX(g, when, m, halfTop)
	small, large := pl.halfTiles(m.gate != nil)
	planned := []loaded[tile]{{small, 0}}
	if large != small && pl.expertsHalfFits(large, m.gate != nil) {
		planned = append(planned, loaded[tile]{large, large.bn})
	}
	tuned := pl.plainExperts(g, m, "matmul_experts_half")
	return expertsIn(pl, g, when, m, tuned, planned, func(t tile) int { return t.bn }, func(t tile) ([]Dispatch, error) {
		d, err := pl.slotsGated(m, "_half", tiling{t.bm, t.bn, t.bk}, x.temp, halvesRow)
		d.Spec = append(t.spec(), m.gatedSpec(halfFold)...)
		return []Dispatch{d}, err
	})
}
