package kernel

import (
	"fmt"
	"slices"

	"tuff/host/compute"
)

// coopAttention is a shape of attention_coop: subgroups, those of a team, keys of a tile, and tiles in shared memory at once.
type coopAttention struct{ sgs, team, bc, stages int }

// coopAttentions are tried in this order: small teams before large ones, twice-buffered before not, long tiles before short ones.
var coopAttentions = []coopAttention{{4, 1, 64, 2}, {4, 1, 32, 2}, {4, 1, 64, 1}, {4, 1, 32, 1}, {2, 1, 32, 1},
	{4, 2, 32, 2}, {4, 2, 32, 1}, {8, 4, 32, 1}, {8, 4, 16, 1}, {4, 4, 32, 1}, {4, 4, 16, 1}}

// coopAttentionsOfCPU are small, because CPUs have no matrix units. Heads of several sizes have each of them, so that all forms are
// run by tests.
var coopAttentionsOfCPU = []coopAttention{{2, 1, 16, 2}, {2, 1, 16, 1}, {4, 2, 16, 1}, {4, 4, 16, 1}}

// coopAttentionsOfFew are for devices whose invocations have few registers: large teams, so that each has a small part of the head.
var coopAttentionsOfFew = []coopAttention{{4, 2, 32, 2}, {4, 2, 32, 1}, {4, 2, 16, 1}, {8, 4, 32, 1}, {8, 4, 16, 1}, {4, 4, 16, 1}, {16, 4, 16, 1}, {16, 8, 32, 1}, {16, 8, 16, 1}}

// mostRegisters are the words that an invocation may keep of queries, sums and the next tile, of some 255 that hardware has.
const mostRegisters = 160

// mostUnrolledOfCPU bounds the two head sizes together: compilers of CPUs take half a minute for what is unrolled beyond.
const mostUnrolledOfCPU = 32

// valueCols is DVS of the shader: values are staged in whole blocks, those that are the beginnings of their keys not at all.
func (pl *planner) valueCols(op compute.Attention) int {
	t := pl.p.At(op.V).DType
	switch {
	case op.V == op.K:
		return 0
	case t.Quantized():
		return ceilDiv(op.HeadDimV, t.BlockLen()) * t.BlockLen()
	}
	return op.HeadDimV
}

func (a coopAttention) invocations(caps *Caps) int { return a.sgs * int(caps.SubgroupSize) }

// pairs of row and head of a workgroup.
func (a coopAttention) pairs(m CoopMatShape) int { return a.sgs / a.team * int(m.M) }

// shared are the bytes that the shader's head says.
func (a coopAttention) shared(caps *Caps, m CoopMatShape, d, dvs int) int {
	values := 8 * a.stages
	if dvs > 0 {
		values = a.stages * a.bc * 2 * (dvs + 8)
	}
	slab := max(a.bc, a.bc/2+int(m.N)) + 4
	return 2*a.stages*a.bc*(d+8) + values + 4*a.sgs*int(m.M)*slab + 8*a.bc + 4*a.invocations(caps) + 24
}

// registers are the words of an invocation that live from tile to tile: queries as halves, sums, and the next tile.
func (a coopAttention) registers(caps *Caps, m CoopMatShape, d, dv, dvs int) int {
	return int(m.M)*(d/2+dv)/int(caps.SubgroupSize)/a.team + ceilDiv(a.bc*(d+dvs)/2, a.invocations(caps))
}

func (a coopAttention) fits(caps *Caps, m CoopMatShape, d, dv, dvs int) bool {
	wg := a.invocations(caps)
	whole := a.bc%int(m.N) == 0 && a.bc%int(m.K) == 0 && a.bc%(2*int(caps.SubgroupSize/m.M)) == 0 && d%(a.team*int(m.K)) == 0 && dv%(a.team*int(m.N)) == 0
	return whole && a.bc <= wg && caps.hasSubgroups(a.sgs) && a.shared(caps, m, d, dvs) <= int(caps.SharedBytes) &&
		(caps.UniformLoads || a.registers(caps, m, d, dv, dvs) <= mostRegisters) && // a CPU has its stack
		caps.keeps(a.registers(caps, m, d, dv, dvs)*5/4) // scores and weights of a tile besides
}

// attentionCoopLacks is what a device lacks for attention_coop whatever the heads, or "".
func attentionCoopLacks(caps *Caps) string {
	m, ok := caps.Matrix(CoopMatFloat)
	switch {
	case !ok:
		return "matrices of half precision with float32 sums"
	case !caps.Float16 || !caps.MemoryModel:
		return "half precision or the Vulkan memory model"
	case caps.SubgroupSize%m.M != 0:
		return fmt.Sprintf("subgroups of whole columns of %v", m)
	}
	return ""
}

// coopAttentionLacks is why there is no shape for an op, whatever the memory, or "".
func (pl *planner) coopAttentionLacks(op compute.Attention) string {
	if why := attentionCoopLacks(&pl.caps); why != "" {
		return "the device lacks " + why
	}
	m, _ := pl.caps.Matrix(CoopMatFloat)
	d, dv := op.HeadDim, op.HeadDimV
	if d%8 != 0 || dv%8 != 0 || d%int(m.K) != 0 || dv%int(m.N) != 0 {
		return fmt.Sprintf("head sizes %d and %d are not whole fragments of %v", d, dv, m)
	}
	return ""
}

// coopAttentionFor is the shape for an op, or why there is none.
func (pl *planner) coopAttentionFor(op compute.Attention) (a coopAttention, why string) {
	if why := pl.coopAttentionLacks(op); why != "" {
		return a, why
	}
	m, _ := pl.caps.Matrix(CoopMatFloat)
	d, dv, dvs := op.HeadDim, op.HeadDimV, pl.valueCols(op)
	list := coopAttentions
	if pl.caps.Registers > 0 {
		list = coopAttentionsOfFew
	} else if pl.caps.UniformLoads {
		first := (d + dv) / 32 % len(coopAttentionsOfCPU)
		list = slices.Concat(coopAttentionsOfCPU[first:], coopAttentionsOfCPU[:first])
	}
	for _, a := range list {
		if a.fits(&pl.caps, m, d, dv, dvs) {
			return a, ""
		}
	}
	return a, fmt.Sprintf("head sizes %d and %d do not fit %d bytes of shared memory or the registers", d, dv, pl.caps.SharedBytes)
}

// triedCoopAttentions are what tuning tries besides: more and fewer subgroups for a tile of keys.
func triedCoopAttentions(caps *Caps) []coopAttention {
	if caps.UniformLoads {
		return coopAttentionsOfCPU
	}
	if caps.Registers > 0 {
		return coopAttentionsOfFew
	}
	return append(slices.Clone(coopAttentions), coopAttention{8, 1, 64, 2}, coopAttention{8, 1, 32, 2}, coopAttention{8, 1, 64, 1},
		coopAttention{8, 1, 32, 1}, coopAttention{2, 1, 32, 2})
}

// wantsCoopAttention says whether tiles of rows are for matrix units: where they are asked for, and in fast arithmetic on devices that
// have them. CPUs only imitate them.
func (pl *planner) wantsCoopAttention(forced string) bool {
	return forced == "attention_coop" ||
		forced == "" && pl.o.Math == compute.Fast && pl.caps.takes("attention_coop") && !pl.caps.UniformLoads && attentionCoopLacks(&pl.caps) == ""
}

// attentionCoop is attention of tiles of rows on matrix units, without its grid, of which it gives the blocks of pairs.
func (pl *planner) attentionCoop(op compute.Attention, a coopAttention) (d Dispatch, blocks int) {
	m, _ := pl.caps.Matrix(CoopMatFloat)
	group, pairs, module := op.NumHeads/op.NumKVHeads, a.pairs(m), "attention_coop"
	if pl.caps.UniformLoads && op.HeadDim+op.HeadDimV > mostUnrolledOfCPU {
		module = "attention_coop_rolled"
	}
	d = pl.attentionDispatch(module, op, attentionShape{}, 1)
	types := pl.cacheSpec(op.K, op.V)
	d.Name, d.Subgroup = fmt.Sprintf("attention_coop_%dx%d", pairs, a.bc), pl.caps.SubgroupSize
	d.Spec = []uint32{uint32(a.invocations(&pl.caps)), uint32(a.sgs), m.M, m.N, m.K, uint32(a.bc), uint32(op.HeadDim), uint32(op.HeadDimV),
		types[0], types[1], uint32(a.stages), flag(pl.wideRows(op.K) && pl.wideRows(op.V)), uint32(a.team), flag(op.V == op.K), 0}
	// As the shader has it: tiles of rows are joined until all subgroups have work.
	joined := ceilDiv(pairs, tileRows*group)
	d.Issued = attentionWork{pl: pl, op: op, br: pairs, bc: a.bc, splits: 1, joined: joined, whole: true}.tiles
	return d, ceilDiv(joined*tileRows*group, pairs)
}

// wideRows reports whether 8 elements from a multiple of 8 on lie at a multiple of 16 bytes, in every row of a plain type.
func (pl *planner) wideRows(r compute.Ref) bool {
	t := pl.p.At(r)
	return t.Cols%8 == 0 && t.Offset%16 == 0
}
