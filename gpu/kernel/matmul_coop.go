package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// coopTile is a shape of matmul_coop: BM weight rows by BN rows of X a workgroup, BK elements of a panel, shared out to SGM by SGN
// subgroups.
type coopTile struct{ bm, bn, bk, sgm, sgn int }

// coopTiles are tried from the largest on: a large tile loads less per result.
var coopTiles = []coopTile{{128, 128, 32, 2, 4}, {64, 64, 32, 2, 2}, {32, 64, 32, 1, 4}, {32, 32, 16, 2, 2}}

// coopTilesOfFew are those of devices whose invocations have few registers: more subgroups, with a part of the results each that leaves room.
var coopTilesOfFew = []coopTile{{128, 128, 32, 4, 8}, {128, 128, 32, 8, 8}, {64, 64, 32, 4, 4}, {64, 64, 32, 8, 4}, {64, 64, 32, 8, 8}, {32, 64, 32, 4, 4}, {32, 32, 16, 4, 2}, {32, 32, 16, 4, 4}}

// coopTiles are the tiles that plans try on a device.
func (c *Caps) coopTiles() []coopTile {
	if c.Registers > 0 {
		return coopTilesOfFew
	}
	return coopTiles
}

// hasSubgroups says whether a workgroup may have so many subgroups of the size that is asked for.
func (c *Caps) hasSubgroups(n int) bool {
	return n*int(c.SubgroupSize) <= int(c.MaxInvocations) && (c.MaxSubgroups == 0 || n <= c.MaxSubgroups)
}

// keeps says whether invocations may keep so many words from panel to panel: what is loaded, decoded and addressed on the way takes three
// times as many registers, as Mesa's compiler for Intel's devices counts.
func (c *Caps) keeps(words int) bool { return c.Registers == 0 || 4*words <= c.Registers }

// superRow is the number of tiles along the rows of X that neighbouring workgroups take: what runs at once shares panels in the cache.
// With 128 workgroups at once, 16 by 8 tiles read 24 panels, where 128 by 1 read 129.
const superRow = 8

// maxFragments bounds the fragments of a subgroup's results: they live in registers, and loops over them are unrolled.
const maxFragments = 8

// shared are the bytes of a tile, as the shader's head has them.
func (t coopTile) shared(m CoopMatShape, pair bool) int {
	sets := 1
	if pair {
		sets = 2
	}
	return 4*(t.bk+8)*(sets*t.bm+t.bn) + 4*sets*t.sgm*t.sgn*int(m.M*m.N)
}

// words are what an invocation keeps from panel to panel: results, and its part of the next panel in halves.
func (t coopTile) words(caps *Caps, pair bool) int {
	sets := 1 + int(flag(pair))
	return sets*t.bm/t.sgm*(t.bn/t.sgn)/int(caps.SubgroupSize) + (sets*t.bm+t.bn)*t.bk/2/t.invocations(caps)
}

func (t coopTile) invocations(caps *Caps) int { return t.sgm * t.sgn * int(caps.SubgroupSize) }

// fits says whether a device can run a tile: its parts are whole fragments, and there is room.
func (t coopTile) fits(caps *Caps, m CoopMatShape, pair bool) bool {
	if caps.UniformLoads && t != coopTiles[len(coopTiles)-1] {
		return false // there are no matrix units, and its compiler takes seconds for what is unrolled
	}
	return t.bm/t.sgm*(t.bn/t.sgn) <= maxFragments*int(m.M*m.N) && t.bm/t.sgm%int(m.M) == 0 && t.bn/t.sgn%int(m.N) == 0 && t.bk%int(m.K) == 0 &&
		t.shared(m, pair) <= int(caps.SharedBytes) && caps.hasSubgroups(t.sgm*t.sgn) && caps.keeps(t.words(caps, pair))
}

// coopLacks is what a device lacks for matmul_coop, or "".
func coopLacks(caps *Caps) string {
	m, ok := caps.Matrix(CoopMatFloat)
	switch {
	case !ok:
		return "matrices of half precision with float32 sums"
	case !caps.Float16 || !caps.MemoryModel:
		return "half precision or the Vulkan memory model"
	case !slices.ContainsFunc(caps.coopTiles(), func(t coopTile) bool { return t.fits(caps, m, true) }):
		return fmt.Sprintf("room for tiles of %v", m)
	}
	return ""
}

// onMatrixUnits says whether a variant is for fast arithmetic on matrix units.
func onMatrixUnits(variant string) bool {
	return strings.HasPrefix(variant, "matmul_coop") || variant == "matmul_skinny"
}

// coops covers the rest on matrix units: few rows by matmul_skinny, what that does not fit and more by matmul_coop, rows to 64 by the
// smaller tiles, more by the largest that fits.
func (m *matMulPlan) coops(all int) error {
	shape, _ := m.caps.Matrix(CoopMatFloat)
	fitting := slices.DeleteFunc(slices.Clone(m.caps.coopTiles()), func(t coopTile) bool { return !t.fits(&m.caps, shape, m.f.pair) })
	large := fitting[0] // coopLacks says that there is one
	small := large
	for _, t := range fitting {
		if small.bn > 64 || t.bn >= 64 && t.bm >= small.bm {
			small = t // the largest for up to 64 rows
		}
	}
	if m.next > m.most {
		return nil
	}
	x := m.halves(m.top())
	suffix := strings.TrimPrefix(m.units, "matmul")
	var planned []covering
	if m.forced == "" && m.caps.takes("matmul_skinny") || m.forced == "matmul_skinny" {
		planned = m.skinnies(shape, x)
	}
	foundSkinny := func(found Many) (covering, bool) {
		s, ok := named(skinnyShapes, found, func(s skinnyShape) Many { return s.many(&m.caps, found.Cols) })
		return m.skinnyAs(shape, x, s, found.Cols), ok && found.Kernel == "matmul_skinny" && s.fits(&m.caps, shape, found.Cols, m.f.pair)
	}
	if strings.HasPrefix(m.units, "matmul_coop2") {
		tiles, foundTile := m.coop2s(all, x.temp)
		return m.cover(all, append(planned, tiles...), func(found Many) (covering, bool) {
			if found.Kernel == "matmul_skinny" {
				return foundSkinny(found)
			}
			return foundTile(found)
		})
	}
	as := func(t coopTile, to int) covering {
		return covering{to, func(to int) error {
			return m.addTiled(suffix, to, tiling{t.bm, t.bn, t.bk}, func(module string) (Dispatch, error) {
				return m.matMulCoop(module, m.f, x, t, shape)
			})
		}}
	}
	if small != large {
		planned = append(planned, as(small, small.bn))
	}
	return m.cover(all, append(planned, as(large, all)), func(found Many) (covering, bool) {
		if found.Kernel == "matmul_skinny" {
			return foundSkinny(found)
		}
		t, ok := named(m.caps.coopShapes(), found, func(t coopTile) Many { return t.many(&m.caps, "matmul"+suffix) })
		return as(t, all), ok && t.fits(&m.caps, shape, m.f.pair)
	})
}

// coopTop leaves a factor of two below the largest number of a half: products and sums are float32. Where sums are halves too, 256
// products of activations below 4 with weights up to 64 stay in range, and activations of 2^-15 of a row's largest keep all bits.
const (
	coopTop     = 13
	coopHalfTop = 1
	coopFold    = 256
)

// halfSums says whether sums are in half precision: where they were asked for or the device is faster with them than with float32 sums.
func (m *matMulPlan) halfSums() bool { return m.coop && strings.HasSuffix(m.units, "_half") }

// leastHalfGain is how much faster matrix units must be with sums in half precision for those to be chosen: adding them up in float32
// every coopFold elements takes one addition for 256 / K products of fragments, and digits are lost.
const leastHalfGain = 1.25

// JudgeSums decides between sums in half precision and in float32 by the rates that matrix units reached with either. Without both, what
// is known of the vendor's devices stays.
func (c *Caps) JudgeSums(half, float float64) {
	if half <= 0 || float <= 0 {
		return
	}
	c.HalfSums, c.SumsWhy = half >= leastHalfGain*float, fmt.Sprintf("matrix units measured %.2f × as fast with sums in half precision as with float32", half/float)
}

// whySums is the end of the Why of what matrix units multiply.
func (m *matMulPlan) whySums() string {
	switch {
	case !m.coop || m.forced != "":
		return ""
	case m.caps.SumsWhy == "" && m.halfSums():
		return "; sums in half precision"
	case m.halfSums():
		return "; sums in half precision: " + m.caps.SumsWhy
	case m.caps.SumsWhy != "" && coopHalfLacks(&m.caps) == "":
		return "; sums in float32: " + m.caps.SumsWhy
	}
	return ""
}

// coopHalfLacks is what a device lacks for matmul_coop with sums in half precision, or "". Its fragments must be those of float32 sums,
// which they are added to.
func coopHalfLacks(caps *Caps) string {
	lacks := coopLacks(caps)
	if m, _ := caps.Matrix(CoopMatFloat); lacks == "" {
		if m.Kind = CoopMatHalf; !slices.Contains(caps.CoopMat, m) {
			lacks = fmt.Sprintf("matrices of %v", m)
		}
	}
	return lacks
}

// top is the exponent that the largest numbers of X's rows get where the kernels for many rows read X in halves; else 0.
func (m *matMulPlan) top() uint32 {
	switch {
	case m.coop && m.halfSums():
		return coopHalfTop
	case m.coop:
		return coopTop
	case m.half && !m.int8:
		return halfTop
	}
	return 0
}

// inHalves reports whether all products read X in the same halves, so that what makes X need write nothing else.
func (pl *planner) inHalves(g *Group, list []product) bool {
	top := pl.newMatMulPlan(g, list[0]).top()
	return top > 0 && !slices.ContainsFunc(list, func(f product) bool { return pl.newMatMulPlan(g, f).top() != top })
}

// inHalves is a temporary with x in half precision.
type inHalves struct {
	x      compute.Ref
	top    uint32 // the exponent of the largest numbers of rows, or of blocks
	temp   int
	eights bool // in blocks of 8: shaders/include/eights.glsl
}

// halves is the temporary with X in half precision and the scales of its rows, whose largest numbers are brought to 2^top. Multiplications
// of one X in a group share it. With m.norm, it is made of what that normalises.
func (m *matMulPlan) halves(top uint32) inHalves {
	module, x := "matmul_halves", m.f.ops[0].X
	if m.norm != nil {
		module, x = "rmsnorm_halves", m.norm.X
	}
	if i := slices.IndexFunc(m.g.halves, func(h inHalves) bool { return h.x == m.f.ops[0].X && h.top == top }); i >= 0 {
		return m.g.halves[i]
	}
	rows, k, id := m.rows, m.p.At(x).Cols, len(m.g.Temps)
	m.g.Temps = append(m.g.Temps, halvesTemp(rows, k))
	m.g.halves = append(m.g.halves, inHalves{x: m.f.ops[0].X, top: top, temp: id})
	d := m.toHalves(x, rows, id, top)
	if m.norm != nil {
		d.Module, d.Name = module, module
		d.Args = []Arg{addr(x), addr(m.norm.Weight), temp(id), rowsArg(rows), u32(k), f32(m.norm.Eps)}
		d.Reads = refs(x, m.norm.Weight)
		d.Issued = m.staged(x, 2, halvesRow(k), 7, 2)
	}
	m.g.addFor(d, rows, m.next, m.most)
	return m.g.halves[len(m.g.halves)-1]
}

// halvesTemp holds rows of k halves and the scale of each.
func halvesTemp(rows compute.Extent, k int) Temp {
	return Temp{Name: "activations in half precision", Bytes: func(s Shape) int64 {
		return int64(rows.At(s.Sizes())) * int64(2*8*ceilDiv(k, 8)+4)
	}}
}

// toHalves fills such a temporary with x.
func (pl *planner) toHalves(x compute.Ref, rows compute.Extent, id int, top uint32) Dispatch {
	k := pl.p.At(x).Cols
	return Dispatch{Module: "matmul_halves", Name: "matmul_halves", Spec: []uint32{pl.rowGroup(k), top}, Args: []Arg{addr(x), temp(id), rowsArg(rows), u32(k)},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(rows.At(s.Sizes())) },
		Reads: refs(x), Writes: []Access{{Temp: id}}, Issued: pl.staged(x, 2, halvesRow(k), 2, 0)}
}

// eights are the constants X_EIGHTS and OUT_TOP of a product that takes x.
func (f product) eights(x inHalves) []uint32 {
	if f.halves == nil {
		return []uint32{flag(x.eights), 0}
	}
	return []uint32{flag(x.eights), f.halves.top}
}

// matMulCoop reads X as x has it.
func (pl *planner) matMulCoop(module string, f product, x inHalves, t coopTile, m CoopMatShape) (Dispatch, error) {
	args, err := pl.matMulArgs(f)
	if err != nil {
		return Dispatch{}, err
	}
	args[0] = temp(x.temp)
	spec := append([]uint32{uint32(t.invocations(&pl.caps)), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.sgm), uint32(t.sgn), m.M, m.N, m.K}, f.epilogue()...)
	if spec = append(append(spec, superRow), f.eights(x)...); strings.HasSuffix(module, "_half") {
		spec = append(spec, coopFold)
	}
	spec = append(spec, 1) // PIECES
	blocks, rows := pl.blocks(f, t.bm), pl.p.At(f.ops[0].X).Rows
	return pl.goes(f.leave(Dispatch{Module: module, Name: fmt.Sprintf("%s_%dx%d", module, t.bm, t.bn), Spec: spec, Subgroup: pl.caps.SubgroupSize,
		Args: args, Reads: f.readsWith(Access{Temp: x.temp}), Writes: f.writes(),
		Grid: func(s Shape) [3]uint32 {
			g := pl.fold(blocks)
			g[2] = uint32(ceilDiv(rows.At(s.Sizes()), t.bn))
			return g
		}}), f, walk{bm: t.bm, bn: t.bn, padded: true, panel: t.bk, x: x.form()}), nil
}
