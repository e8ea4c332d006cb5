package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/shaders"
)

// Shapes of matmul_half, the elements whose products are added up in halves, and the exponent of the largest activation of a row: 16
// products of either half of a pair with weights up to 255 stay in range.
var (
	halfTile32 = tile{32, 32, 32, 4, 4}
	halfTile64 = tile{64, 64, 32, 4, 8}
	// Where invocations have few registers: 8 sums, or 16 with a gate's.
	halfTile32OfFew = tile{32, 32, 32, 2, 4}
	halfTile64OfFew = tile{64, 32, 32, 2, 4}
	halfPair64      = tile{64, 64, 32, 4, 4} // 16 sums and a gate's
	// Where those with many have few subgroups at a time: 16 sums, or 8 and a gate's.
	halfTile64OfWaves = halfPair64
	halfPair64OfWaves = tile{32, 64, 32, 2, 4}
)

const (
	halfFold = 32
	halfTop  = 3
)

// halfShared are the bytes of a tile, as the shader's head has them.
func halfShared(t tile, pair bool) int {
	rows := t.bm
	if pair {
		rows *= 2
	}
	return (4*t.bk + 32) * (rows + t.bn)
}

func (pl *planner) halfFits(t tile, pair bool) bool {
	return halfShared(t, pair) <= int(pl.caps.SharedBytes) && t.invocations() <= int(pl.caps.MaxInvocations)
}

// halfLacks is what a device lacks for packed half precision, or "".
func halfLacks(caps *Caps) string {
	pl := planner{caps: *caps}
	switch {
	case !caps.Float16:
		return "half precision"
	case !pl.halfFits(halfTile32, true):
		return fmt.Sprintf("%d bytes of shared memory", halfShared(halfTile32, true))
	}
	return ""
}

// wantsHalf decides on matmul_half for many rows: where it was asked for, or in fast arithmetic on devices that have no matrix units, for
// what they do not multiply in dot products of bytes. CPUs widen halves, which costs more than it saves.
func (m *matMulPlan) wantsHalf() bool {
	can := slices.Contains(shaders.HalfFormats, strings.ToLower(m.p.At(m.f.ops[0].W).DType.String())) && halfLacks(&m.caps) == ""
	return can && (strings.HasPrefix(m.wanted(), "matmul_half") || m.wanted() == "" && m.o.Math == compute.Fast && m.caps.takes("matmul_half") && !m.caps.CPU && !m.coop && !m.int8 && !m.lane)
}

// halfTiles are the shapes of plans, for few and for many rows.
func (pl *planner) halfTiles(pair bool) (small, large tile) {
	small, large = halfTile32, halfTile64
	switch {
	case pl.caps.Registers > 0:
		small, large = halfTile32OfFew, halfTile64OfFew
	case pl.caps.fewWaves() && pair:
		small, large = halfTile32OfFew, halfPair64OfWaves
	case pl.caps.fewWaves():
		large = halfTile64OfWaves
	case pair:
		large = halfPair64
	}
	if !pl.halfFits(large, pair) || pl.caps.CPU && pair { // as for bytes
		large = small
	}
	return small, large
}

// halfs covers the rest by matmul_half.
func (m *matMulPlan) halfs(all int) error {
	if m.next > m.most {
		return nil
	}
	x := m.halves(halfTop).temp
	small, large := m.halfTiles(m.f.pair)
	as := func(t tile, to int) covering {
		return covering{to, func(to int) error {
			return m.addTiled("_half", to, tiling{t.bm, t.bn, t.bk}, func(module string) (Dispatch, error) {
				d, err := m.tiled(module, m.f, x, halvesRow, t)
				d.Spec = append(d.Spec, halfFold, 1)
				return d, err
			})
		}}
	}
	return m.cover(all, smallAndLarge(small, large, all, as), m.plainAs("matmul_half", as))
}
