package kernel

import (
	"fmt"
	"slices"

	"tuff/host/compute"
)

// coopAttention is a shape of attention_coop: subgroups, keys of a tile, and tiles in shared memory at once.
type coopAttention struct{ sgs, bc, stages int }

// coopAttentions are tried in this order: twice-buffered before not, long tiles before short ones.
var coopAttentions = []coopAttention{{4, 64, 2}, {4, 32, 2}, {4, 64, 1}, {4, 32, 1}, {2, 32, 1}}

// coopAttentionsOfCPU are short, because CPUs have no matrix units and their compilers take seconds for what is unrolled. Narrow heads
// have the first and wide ones the second, so that both forms are run by tests.
var coopAttentionsOfCPU = []coopAttention{{2, 16, 2}, {2, 16, 1}}

// mostOfCPU bounds the two head sizes together.
const mostOfCPU = 128

// maxValueFragments bounds the sums that a subgroup keeps in registers.
const maxValueFragments = 16

// valueCols is DVS of the shader: values are staged in whole blocks.
func (pl *planner) valueCols(op compute.Attention) int {
	if t := pl.p.At(op.V).DType; t.Quantized() {
		return ceilDiv(op.HeadDimV, t.BlockLen()) * t.BlockLen()
	}
	return op.HeadDimV
}

func (a coopAttention) invocations(caps *Caps) int { return a.sgs * int(caps.SubgroupSize) }

// shared are the bytes that the shader's head says.
func (a coopAttention) shared(caps *Caps, m CoopMatShape, d, dvs int) int {
	return 2*a.stages*a.bc*(d+dvs+16) + 4*a.sgs*int(m.M)*(a.bc+4) + 8*a.bc + 4*a.invocations(caps)
}

func (a coopAttention) fits(caps *Caps, m CoopMatShape, d, dvs int) bool {
	wg := a.invocations(caps)
	return a.bc%int(m.N) == 0 && a.bc%int(m.K) == 0 && a.bc >= 2*int(m.N) && a.bc <= wg && a.bc%(2*int(caps.SubgroupSize/m.M)) == 0 &&
		wg <= int(caps.MaxInvocations) && a.shared(caps, m, d, dvs) <= int(caps.SharedBytes)
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
	switch {
	case d%8 != 0 || dv%8 != 0 || d%int(m.K) != 0 || dv%int(m.N) != 0:
		return fmt.Sprintf("head sizes %d and %d are not whole fragments of %v", d, dv, m)
	case dv > maxValueFragments*int(m.N):
		return fmt.Sprintf("values of %d elements are more than a subgroup's registers hold", dv)
	case pl.caps.UniformLoads && d+dv > mostOfCPU:
		return fmt.Sprintf("head sizes %d and %d take a CPU's compiler too long", d, dv)
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
	if pl.caps.UniformLoads {
		if list = coopAttentionsOfCPU; d+dv <= 32 {
			list = list[1:]
		}
	}
	for _, a := range list {
		if a.fits(&pl.caps, m, d, dvs) {
			return a, ""
		}
	}
	return a, fmt.Sprintf("head sizes %d and %d do not fit %d bytes of shared memory", d, dv, pl.caps.SharedBytes)
}

// triedCoopAttentions are what tuning tries besides: more and fewer subgroups for a tile of keys.
func triedCoopAttentions(caps *Caps) []coopAttention {
	if caps.UniformLoads {
		return coopAttentionsOfCPU
	}
	return append(slices.Clone(coopAttentions), coopAttention{8, 64, 2}, coopAttention{8, 32, 2}, coopAttention{8, 64, 1}, coopAttention{8, 32, 1}, coopAttention{2, 32, 2})
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
	group, pairs := op.NumHeads/op.NumKVHeads, a.sgs*int(m.M)
	d = pl.attentionDispatch("attention_coop", op, attentionShape{}, 1)
	types := pl.cacheSpec(op.K, op.V)
	d.Name, d.Subgroup = fmt.Sprintf("attention_coop_%dx%d", pairs, a.bc), pl.caps.SubgroupSize
	d.Spec = []uint32{uint32(a.invocations(&pl.caps)), uint32(a.sgs), m.M, m.N, m.K, uint32(a.bc), uint32(op.HeadDim), uint32(op.HeadDimV),
		types[0], types[1], uint32(a.stages), flag(pl.wideRows(op.K) && pl.wideRows(op.V))}
	// As the shader has it: tiles of rows are joined until all subgroups have work.
	joined := ceilDiv(pairs, tileRows*group)
	return d, ceilDiv(joined*tileRows*group, pairs)
}

// wideRows reports whether 8 elements from a multiple of 8 on lie at a multiple of 16 bytes, in every row of a plain type.
func (pl *planner) wideRows(r compute.Ref) bool {
	t := pl.p.At(r)
	return t.Cols%8 == 0 && t.Offset%16 == 0
}
