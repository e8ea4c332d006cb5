package kernel

import (
	"fmt"
	"slices"
)

// maxSkinnyRows is the largest number of rows of X for which reading the weights takes longer than multiplying them, on most devices.
const maxSkinnyRows = 64

// skinnyRows are the rows of X of its tiles.
var skinnyRows = []int{16, 32, maxSkinnyRows}

// skinnyShape is a shape of matmul_skinny: BM weight rows a workgroup, by all rows of X; its subgroups take panels of BK elements in turn.
type skinnyShape struct{ bm, bk, subgroups int }

// skinnyShapes are tried from the one on with the most loads in flight for what it reads of X.
var skinnyShapes = []skinnyShape{{128, 32, 4}, {64, 32, 8}, {64, 32, 4}, {32, 64, 4}, {32, 32, 4}, {16, 32, 4}, {32, 32, 2}, {16, 32, 2}, {16, 16, 2}, {8, 16, 2}}

// shared are the bytes of a workgroup, as the shader's head has them.
func (s skinnyShape) shared(m CoopMatShape, bn int, pair bool) int {
	sets := 1 + int(flag(pair))
	return 2*s.subgroups*(s.bk+8)*(sets*s.bm+bn) + 4*sets*s.subgroups*int(m.M*m.N)
}

func (s skinnyShape) fits(caps *Caps, m CoopMatShape, bn int, pair bool) bool {
	if caps.UniformLoads && s.bk > 16 {
		return false // there are no matrix units, and its compiler takes seconds for what is unrolled
	}
	if caps.Registers > 0 && s.bm < 16 {
		return false // so few weights share what is read of X that tiles of matmul_coop read less
	}
	sets := 1 + int(flag(pair))
	words := (sets*s.bm*bn + (sets*s.bm+bn)*s.bk/2) / int(caps.SubgroupSize) // of results and the next panel, of which each subgroup has its own
	return caps.keeps(words) && s.bm%int(m.M) == 0 && bn%int(m.N) == 0 && s.bk%int(m.K) == 0 && sets*s.bm*bn <= maxFragments*int(m.M*m.N) &&
		s.shared(m, bn, pair) <= int(caps.SharedBytes) && caps.hasSubgroups(s.subgroups)
}

// skinnyLacks is what a device lacks for matmul_skinny, or "".
func skinnyLacks(caps *Caps) string {
	lacks := coopLacks(caps)
	m, _ := caps.Matrix(CoopMatFloat)
	if lacks == "" && !slices.ContainsFunc(skinnyShapes, func(s skinnyShape) bool { return s.fits(caps, m, skinnyRows[0], false) }) {
		lacks = fmt.Sprintf("room for tiles of %v", m)
	}
	return lacks
}

// skinny is the shape for up to bn rows of X: the largest of which every compute unit has one, else the one with the most workgroups.
func (m *matMulPlan) skinny(c CoopMatShape, bn int) (best skinnyShape, ok bool) {
	for _, s := range skinnyShapes {
		if !s.fits(&m.caps, c, bn, m.f.pair) || ok && s.bm >= best.bm {
			continue
		}
		if best, ok = s, true; m.blocks(m.f, s.bm) >= int(m.caps.Units) {
			break
		}
	}
	return best, ok
}

// skinnies cover up to maxSkinnyRows by matmul_skinny, as far as its shapes fit the device.
func (m *matMulPlan) skinnies(c CoopMatShape, x inHalves) (list []covering) {
	for _, bn := range skinnyRows {
		if s, ok := m.skinny(c, bn); ok {
			list = append(list, m.skinnyAs(c, x, s, bn))
		}
	}
	return list
}

// skinnyAs covers up to bn rows in a shape.
func (m *matMulPlan) skinnyAs(c CoopMatShape, x inHalves, s skinnyShape, bn int) covering {
	return covering{bn, func(to int) error {
		return m.addTiled("_skinny", to, tiling{s.bm, bn, s.bk}, func(module string) (Dispatch, error) {
			return m.matMulSkinny(module, m.f, x, s, bn, c)
		})
	}}
}

// matMulSkinny reads X as x has it.
func (pl *planner) matMulSkinny(module string, f product, x inHalves, s skinnyShape, bn int, m CoopMatShape) (Dispatch, error) {
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	args[0] = temp(x.temp)
	spec := append([]uint32{uint32(s.subgroups) * pl.caps.SubgroupSize, uint32(s.bm), uint32(bn), uint32(s.bk), uint32(s.subgroups), m.M, m.N, m.K}, f.epilogue()...)
	blocks, rows := pl.blocks(f, s.bm), pl.p.At(f.ops[0].X).Rows
	spec = append(append(spec, f.eights(x)...), 1) // PIECES
	return pl.goes(f.leave(Dispatch{Module: module, Name: fmt.Sprintf("%s_%dx%d", module, s.bm, bn), Spec: spec, Subgroup: pl.caps.SubgroupSize,
		Args: args, Reads: f.readsWith(Access{Temp: x.temp}), Writes: f.writes(),
		Grid: func(s Shape) [3]uint32 {
			g := pl.fold(blocks)
			g[2] = uint32(ceilDiv(rows.At(s.Sizes()), bn))
			return g
		}}), f, walk{bm: s.bm, bn: bn, padded: true, panel: s.bk * s.subgroups, turns: s.subgroups, x: x.form()}), nil
}
