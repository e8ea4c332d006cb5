package kernel

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// attentionOf is a program of one attention.
func attentionOf(op compute.Attention, types ...compute.DType) *compute.Program {
	p := compute.NewProgram("attention")
	p.PageSize, p.NumPages = 64, 8
	kv := func(name string, t compute.DType, n int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.State, DType: t, Rows: compute.Rows(512), Cols: n, Buffer: fakeBuffer{}})
	}
	op.Q, op.Paged, op.Causal = p.Scratch("q", compute.PerToken(1), op.NumHeads*op.HeadDim), true, true
	op.K, op.V = kv("k", types[0], op.NumKVHeads*op.HeadDim), kv("v", types[len(types)-1], op.NumKVHeads*op.HeadDimV)
	op.Out = p.Scratch("out", compute.PerToken(1), op.NumHeads*op.HeadDimV)
	p.Add("attn", op)
	return p
}

// The result of attention on matrix units is halves where such units multiply it with sums in float32: more than 8 rows of one sequence
// leave them, few rows of each of many sequences by way of float32, few rows altogether leave float32.
func TestAttentionLeavesHalves(t *testing.T) {
	p := newLayer(t, compute.Q8_0).p
	o := compute.Options{MaxTokens: 100, MaxOutputs: 1, MaxSeqs: 12, MaxPages: 8, Math: compute.Fast}
	attn := func(caps Caps, s Shape, o compute.Options) string {
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		for _, line := range strings.Split(outline(p, groups, s), "\n") {
			if strings.HasPrefix(line, "attn:") || strings.HasPrefix(line, "attn+") {
				return line
			}
		}
		return ""
	}
	long, many, few := Shape{Tokens: 100, Outputs: 1, Seqs: 1}, Shape{Tokens: 12, Outputs: 1, Seqs: 12}, Shape{Tokens: 3, Outputs: 1, Seqs: 1}
	assert.Equal(t, "attn+o+residual: attention_coop_64x64_halves[1 2 7] matmul_q8_0_coop_128x128[1 1 1]", attn(matrices(), long, o))
	assert.Equal(t, "attn+o+residual: attention_decode_joined_8[8 2 12] matmul_halves[12 1 1] matmul_q8_0_skinny_16x16[4 1 1]", attn(matrices(), many, o))
	assert.Equal(t, "attn+o+residual: attention_decode_joined_8[24 2 1] matmul_q8_0_vec_4[32 1 1]", attn(matrices(), few, o))
	halfSums := matrices()
	halfSums.HalfSums = true
	assert.Equal(t, "attn: attention_coop_64x64[1 2 7]", attn(halfSums, long, o))
	o.Variant = map[string]string{"attention": "attention_coop"} // for few rows too
	assert.Equal(t, "attn+o+residual: attention_coop_64x64_halves[1 2 7] matmul_q8_0_coop_128x128[1 1 1]", attn(matrices(), long, o))
	assert.Equal(t, "attn+o+residual: attention_coop_64x64[1 2 1] matmul_q8_0_vec_4[32 1 1]", attn(matrices(), few, o))
}

// Tiles of rows go to matrix units where there are some, heads fit and halves are allowed; else the plan says why not.
func TestAttentionOnMatrixUnits(t *testing.T) {
	units := ample
	units.Float16, units.MemoryModel, units.CoopMat = true, true, []CoopMatShape{{CoopMatFloat, 16, 16, 16}}
	wide, cpu := units, units
	wide.SharedBytes = 100 << 10
	narrow := units
	narrow.SharedBytes = 32 << 10
	cpu.UniformLoads, cpu.SubgroupSize, cpu.CoopMat, cpu.SharedBytes = true, 8, []CoopMatShape{{CoopMatFloat, 8, 8, 8}}, 32<<10
	forced := compute.Options{Variant: map[string]string{"attention": "attention_coop"}}
	fast := compute.Options{Math: compute.Fast}
	for _, c := range []struct {
		caps      Caps
		o         compute.Options
		d, dv     int
		want, why string
	}{
		{units, fast, 64, 64, "attention_coop_64x32", ""},
		{units, fast, 80, 80, "attention_coop_64x32", ""},
		{units, fast, 128, 128, "attention_coop_64x32", ""},
		{units, fast, 192, 128, "attention_coop_64x32", ""},
		{units, fast, 256, 256, "attention_coop_32x32", ""}, // teams of two
		{wide, fast, 128, 128, "attention_coop_64x64", ""},
		{wide, fast, 256, 256, "attention_coop_32x32", ""},
		{units, fast, 576, 512, "attention_coop_32x16", ""}, // teams of four; values are their keys
		{wide, fast, 576, 512, "attention_coop_32x32", ""},
		{narrow, fast, 576, 512, "attention_coop_16x16", ""},
		{narrow, fast, 128, 128, "attention_coop_64x32", ""},
		{units, fast, 1024, 1024, "attention_prefill", "head sizes 1024 and 1024 do not fit 49152 bytes of shared memory or the registers"},
		{units, fast, 40, 40, "attention_prefill", "head sizes 40 and 40 are not whole fragments of 16×16×16"},
		{units, compute.Options{}, 64, 64, "attention_prefill", ""},
		{ample, fast, 64, 64, "attention_prefill", ""},
		{cpu, fast, 64, 64, "attention_lane_8", ""},
		{cpu, forced, 64, 64, "attention_coop_16x16", ""},
		{cpu, forced, 128, 128, "attention_coop_16x16", ""},
		{cpu, forced, 576, 512, "attention_coop_16x16", ""},
		{units, forced, 64, 64, "attention_coop_64x32", ""},
	} {
		c.o.MaxTokens, c.o.MaxSeqs, c.o.MaxPages = 100, 1, 8
		p := attentionOf(compute.Attention{NumHeads: 8, NumKVHeads: 2, HeadDim: c.d, HeadDimV: c.dv, Scale: 1}, compute.F16)
		if c.d == 576 {
			op := p.Instrs[0].Op.(compute.Attention)
			op.V = op.K
			p.Instrs[0].Op = op
		}
		groups, err := Plan(c.caps, p, c.o)
		require.NoError(t, err)
		d := groups[0].Dispatches[0]
		assert.Equal(t, c.want, d.Name, "%d/%d", c.d, c.dv)
		assert.Contains(t, groups[0].Why, c.why)
		assert.Equal(t, c.caps.UniformLoads && c.o.Math != compute.Fast, d.Module == "attention_coop_rolled", "what is unrolled takes a CPU's compiler too long")
		if c.why == "" {
			assert.NotContains(t, groups[0].Why, "not on matrix units")
		}
	}
	_, err := Plan(ample, attentionOf(compute.Attention{NumHeads: 1, NumKVHeads: 1, HeadDim: 64, HeadDimV: 64, Scale: 1}, compute.F16), forced)
	assert.ErrorContains(t, err, "variant attention_coop: the device lacks matrices of half precision")
	// A workgroup has 64 pairs: with 2 heads to a KV head those are 2 tiles of rows, with 8 half a tile.
	for group, blocks := range map[int]uint32{1: 1, 2: 1, 3: 2, 4: 1, 8: 2} {
		groups, err := Plan(units, attentionOf(compute.Attention{NumHeads: group, NumKVHeads: 1, HeadDim: 64, HeadDimV: 64, Scale: 1}, compute.Q8_0),
			compute.Options{Math: compute.Fast, MaxTokens: 100, MaxSeqs: 1, MaxPages: 8})
		require.NoError(t, err)
		d := groups[0].Dispatches[0]
		assert.Equal(t, [3]uint32{blocks, 1, 7}, d.Grid(Shape{Tokens: 100, Seqs: 1}), "%d heads", group)
		assert.Equal(t, [3]uint32{}, d.Grid(Shape{Tokens: 8, Seqs: 1}))
		assert.EqualValues(t, 32, d.Subgroup)
	}
}
