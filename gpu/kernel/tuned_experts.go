package kernel

import (
	"fmt"
	"slices"

	"tuff/host/compute"
)

// expertsKey names a multiplication by experts in TunedMany.
func (pl *planner) expertsKey(m slots) string {
	w := pl.p.At(m.w)
	key := fmt.Sprintf("experts %v %d of %d, %d×%d", w.DType, m.used, m.matrices, w.Rows.Fixed/m.matrices, w.Cols)
	if m.gate != nil {
		key += " gate"
	}
	if pl.expertsForm(m.w) != formTile {
		key += " fast"
	}
	return key
}

// expertShapes are the tiles that an experts' kernel is tried in. The schedule's temporaries have room for tiles of no fewer slots than tile32's.
func expertShapes(caps *Caps, kernel string) (list []Many) {
	add := func(m Many) {
		if m.Cols >= tile32.bn && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	pl := &planner{caps: *caps}
	if shapes, fits, _ := pl.expertTilesOf(kernel); shapes != nil {
		for _, t := range shapes {
			if fits(t, false) {
				add(t.many(kernel))
			}
		}
		return list
	}
	m, _ := caps.Matrix(CoopMatFloat)
	for _, t := range expertCoopTiles(caps) {
		if expertsCoopLacks(caps) == "" && expertsFit(caps, m, t, false) {
			add(t.many(caps, kernel))
		}
	}
	return list
}

// expertCoopTiles are the tiles of matmul_experts_coop, those of plans first.
func expertCoopTiles(caps *Caps) (list []coopTile) {
	for _, e := range caps.expertTiles() {
		list = append(list, e.shapes...)
	}
	return append(list, caps.coopShapes()...)
}

// tunedTile is a tile that was found for some numbers of tokens.
type tunedTile[T any] struct {
	tile  T
	class Class
	from  int // tokens
}

// is says whether it is for a shape.
func (t tunedTile[T]) is(s Shape) bool { return s.Tokens >= t.from && s.Tokens <= t.class.to }

// tunedExperts are the tiles of a kernel that were found for a multiplication by experts. tile is the one that a name is of, where m can take it.
func tunedExperts[T any](pl *planner, g *Group, m slots, kernel string, tile func(Many) (T, bool)) (list []tunedTile[T]) {
	if pl.o.Variant["matmul_experts"] != "" {
		return nil
	}
	key, from := pl.expertsKey(m), 1
	for _, c := range expertClasses {
		if from > pl.most.Tokens {
			break
		}
		if found, ok := pl.tunedMany(g, key, c); ok && found.Kernel == kernel {
			if t, ok := tile(found); ok {
				g.take(key+c.Name, found)
				list = append(list, tunedTile[T]{t, c, from})
			}
		}
		from = c.to + 1
	}
	return list
}

// outside is when, but for what tuned tiles are for, and names those.
func outside[T any](tuned []tunedTile[T], when func(Shape) bool) (is func(Shape) bool, names string) {
	for _, t := range tuned {
		names += t.class.Name
	}
	return func(s Shape) bool {
		return when(s) && !slices.ContainsFunc(tuned, func(t tunedTile[T]) bool { return t.is(s) })
	}, names
}

// plainExperts are the tiles of a kernel without matrix units that were found for m.
func (pl *planner) plainExperts(g *Group, m slots, kernel string) []tunedTile[tile] {
	return tunedExperts(pl, g, m, kernel, func(found Many) (tile, bool) {
		shapes, fits, exact := pl.expertTilesOf(kernel)
		t, ok := named(shapes, found, func(t tile) Many { return t.many(kernel) })
		return t, ok && (exact || pl.o.Math == compute.Fast) && fits(t, m.gate != nil && !exact) && t.bn >= tile32.bn
	})
}

// expertTilesOf are the shapes of a kernel of experts without matrix units, what says whether one fits, and whether it is exact: that one
// multiplies a gate and what it opens each by itself.
func (pl *planner) expertTilesOf(kernel string) (shapes []tile, fits func(t tile, pair bool) bool, exact bool) {
	if kernel == "matmul_experts_tile" {
		return tileShapes, pl.fits, true
	}
	for _, k := range []gatedTiles{expertHalves, expertBytes} {
		if k.kernel == kernel {
			shapes, _ = pl.plain("matmul" + k.form)
			return shapes, func(t tile, pair bool) bool { return k.lacks(&pl.caps) == "" && k.fit(pl, t, pair) }, false
		}
	}
	return nil, nil, false
}

// coopExperts are the tiles of matmul_experts_coop that were found for m.
func (pl *planner) coopExperts(g *Group, m slots, shape CoopMatShape) []tunedTile[coopTile] {
	const kernel = "matmul_experts_coop"
	return tunedExperts(pl, g, m, kernel, func(found Many) (coopTile, bool) {
		t, ok := named(expertCoopTiles(&pl.caps), found, func(t coopTile) Many { return t.many(&pl.caps, kernel) })
		return t, ok && pl.o.Math == compute.Fast && expertsFit(&pl.caps, shape, t, m.gate != nil) && t.bn >= tile32.bn
	})
}
