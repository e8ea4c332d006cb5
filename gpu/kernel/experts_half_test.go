package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// halved are devices with packed half precision and nothing faster.
func halved() Caps {
	c := ample
	c.Float16 = true
	return c
}

// Many uses of experts are multiplied in half precision in fast arithmetic where a device has nothing faster, gates with what they open, by
// one schedule.
func TestPlanOfExpertsInHalfPrecision(t *testing.T) {
	o := compute.Options{MaxTokens: 512, Math: compute.Fast}
	p := newMoE(t, moe{biased: true, fn: compute.ClampedSiLU})
	groups, err := Plan(halved(), p, o)
	require.NoError(t, err)
	last := groups[len(groups)-1:]
	assert.Contains(t, outline(p, last, Shape{Tokens: 64}), "gate+up+act+down+mix+residual: matmul_halves[64 1 1] matmul_experts_group_32[1 1 1] "+
		"matmul_experts_q8_0_half_32_gate[3 1 12] matmul_halves[128 1 1] matmul_experts_q8_0_half_32[2 1 12] mix")
	assert.Contains(t, outline(p, last, Shape{Tokens: 300}), "matmul_experts_group_64[1 1 1] matmul_experts_q8_0_half_64_gate[2 1 17] matmul_halves[600 1 1] matmul_experts_q8_0_half_64[1 1 17]")
	assert.Contains(t, outline(p, last, Shape{Tokens: 1}), "matmul_experts_q8_0_vec_gate[96 1 1] matmul_experts_q8_0_vec_mix[16 1 1]")
	for _, d := range last[0].Dispatches {
		if d.Module == "matmul_experts_q8_0_half" {
			assert.Equal(t, []uint32{d.Spec[6], 1 + 2*d.Spec[6], 1 - d.Spec[6], d.Spec[9], halfFold}, d.Spec[6:], d.Name)
		}
	}
	// Tiles of the two may differ in width, each with a schedule of its own: AMD's devices before RDNA.
	waves := halved()
	waves.Vendor, waves.SubgroupMin = 0x1002, 64
	groups, err = Plan(waves, p, o)
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 300}), "matmul_experts_group_64[1 1 1] matmul_experts_q8_0_half_32_gate[3 1 17] matmul_halves[600 1 1] matmul_experts_q8_0_half_64[1 1 17]")

	both := dots()
	both.Float16 = true
	for _, c := range []struct {
		caps   Caps
		o      compute.Options
		format compute.DType
		want   string
	}{
		{halved(), o, compute.MXFP4, "matmul_experts_mxfp4_half_64"},
		{halved(), o, compute.IQ4_NL, "matmul_experts_iq4_nl_tile_64"},
		{halved(), compute.Options{MaxTokens: 512}, compute.Q8_0, "matmul_experts_q8_0_tile_64"},
		{both, o, compute.F16, "matmul_experts_f16_half_64"},
		{both, o, compute.Q8_0, "matmul_experts_q8_0_int8_64"},
	} {
		p := mixture(t, 8, 2)
		for i := range p.Tensors {
			if p.Tensors[i].Name == "w" {
				p.Tensors[i].DType = c.format
			}
		}
		groups, err := Plan(c.caps, p, c.o)
		require.NoError(t, err)
		assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 512}), c.want)
	}
	forced := o
	forced.Variant = map[string]string{"matmul_experts": "matmul_experts_half"}
	cpu := halved()
	cpu.CPU, cpu.UniformLoads = true, true
	groups, err = Plan(cpu, p, forced)
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 1}), "matmul_experts_q8_0_half_32_gate")
}
