package kernel

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// On devices with fast dot products and no matrix units, many uses are multiplied as bytes in fast arithmetic, and what gates let through
// goes on in bytes.
func TestPlanOfExpertsInDotProducts(t *testing.T) {
	p, o := mixture(t, 8, 2), compute.Options{MaxTokens: 512, Math: compute.Fast}
	of := func(caps Caps, o compute.Options, tokens int) (string, string) {
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		last := groups[len(groups)-1]
		return outline(p, []Group{last}, Shape{Tokens: tokens}), last.Why
	}
	for tokens, want := range map[int]string{
		11:  "experts: matmul_experts_q8_0_vec[528 1 1]\n",
		12:  "experts: quantize[1 1 1] matmul_experts_group_32[1 1 1] matmul_experts_q8_0_int8_32[3 1 8]\n",
		255: "experts: quantize[8 1 1] matmul_experts_group_32[1 1 1] matmul_experts_q8_0_int8_32[3 1 23]\n",
		256: "experts: quantize[8 1 1] matmul_experts_group_64[1 1 1] matmul_experts_q8_0_int8_64[2 1 16]\n",
	} {
		got, why := of(dots(), o, tokens)
		assert.Equal(t, want, got, "%d tokens", tokens)
		assert.Contains(t, why, "grouped by expert, for packed dot products")
	}
	for name, c := range map[string]struct {
		change func(*Caps)
		want   string
	}{
		"matrix units": {func(c *Caps) { *c = withEverything() }, "_coop_"},
		"a CPU":        {func(c *Caps) { c.UniformLoads = true }, "_tile_64"},
		"slow":         {func(c *Caps) { c.FastDot = false }, "_tile_64"},
		"refused":      {func(c *Caps) { c.Refused = map[string]string{"matmul_experts_int8": "it computes wrongly"} }, "_tile_64"},
	} {
		caps := dots()
		c.change(&caps)
		got, _ := of(caps, o, 512)
		assert.Contains(t, got, c.want, name)
	}
	got, _ := of(dots(), compute.Options{MaxTokens: 512}, 512)
	assert.Contains(t, got, "_tile_64", "exact arithmetic")
	o.Variant = map[string]string{"matmul_experts": "matmul_experts_int8"}
	got, why := of(dots(), o, 1)
	assert.Contains(t, got, "matmul_experts_q8_0_int8_32")
	assert.Equal(t, "asked for matmul_experts_int8", why)
	p.Tensors[slices.IndexFunc(p.Tensors, func(t compute.Tensor) bool { return t.Name == "w" })].DType = compute.F16
	got, why = of(dots(), o, 512)
	assert.Contains(t, got, "matmul_experts_f16_tile")
	assert.Contains(t, why, "not made for F16")
}

// Tiles and their slots keep within the device's memory, and every number of uses has exactly one of each multiplication.
func TestTilesOfExpertsInBytesFit(t *testing.T) {
	for _, kib := range []uint32{14, 16, 32, 48} {
		caps := dots()
		caps.SharedBytes = kib << 10
		groups, err := Plan(caps, newMoE(t, moe{}), compute.Options{MaxTokens: 1000, Math: compute.Fast})
		require.NoError(t, err)
		for tokens := 12; tokens <= 1000; tokens += 29 {
			ran := 0
			for _, d := range groups[len(groups)-1].Dispatches {
				if grid := d.Grid(Shape{Tokens: tokens}); grid[0] == 0 || d.Module != "matmul_experts_q8_0_int8" {
					continue
				}
				ran++
				of := tile{bm: int(d.Spec[1]), bn: int(d.Spec[2]), bk: int(d.Spec[3])}
				assert.LessOrEqual(t, int8Shared(of, d.Spec[6] == 1)+4*of.bn, int(caps.SharedBytes), "%s with %d KiB", d.Name, kib)
			}
			assert.Equal(t, 2, ran, "%d tokens with %d KiB", tokens, kib)
		}
	}
	caps := dots()
	caps.SharedBytes = uint32(int8Shared(int8Tile32, true))
	assert.Contains(t, expertBytes.lacks(&caps), "room for tiles of 32 weight rows and their slots")
	assert.Empty(t, int8Lacks(&caps))
}

// One schedule serves gates and what they feed, which is in bytes and nowhere else; tiles of the two may differ in width.
func TestBytesBetweenExperts(t *testing.T) {
	o := compute.Options{MaxTokens: 512, Math: compute.Fast}
	for _, fn := range []compute.Function{compute.SiLU, compute.ClampedSiLU} {
		p := newMoE(t, moe{fn: fn, biased: true})
		groups, err := Plan(dots(), p, o)
		require.NoError(t, err)
		last := groups[len(groups)-1:]
		assert.Contains(t, outline(p, last, Shape{Tokens: 64}), "gate+up+act+down+mix+residual: quantize[2 1 1] matmul_experts_group_32[1 1 1] "+
			"matmul_experts_q8_0_int8_32_gate[3 1 12] matmul_experts_q8_0_int8_32[2 1 12] mix")
		assert.Contains(t, outline(p, last, Shape{Tokens: 300}), "matmul_experts_group_64[1 1 1] matmul_experts_q8_0_int8_64_gate[2 1 17] matmul_experts_q8_0_int8_64[1 1 17] mix")
		assert.Contains(t, outline(p, last, Shape{Tokens: 1}), "matmul_experts_q8_0_vec_gate[96 1 1] matmul_experts_q8_0_vec_mix[16 1 1]")
		for _, d := range last[0].Dispatches {
			if d.Module == "matmul_experts_q8_0_int8" {
				assert.Equal(t, []uint32{d.Spec[6], 1 + 2*d.Spec[6], 1 - d.Spec[6], d.Spec[9], d.Spec[6]}, d.Spec[6:], d.Name)
			}
		}
		few := dots()
		few.Registers = 128
		groups, err = Plan(few, p, o)
		require.NoError(t, err)
		assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 300}), "int8_64_gate")
		for _, d := range groups[len(groups)-1].Dispatches {
			if d.Module == "matmul_experts_q8_0_int8" && d.Spec[6] == 1 {
				assert.Equal(t, []uint32{2, 4}, d.Spec[4:6], "sums of an invocation")
			}
		}
	}
	// A matrix of another kind leaves them apart.
	p := newMoE(t, moe{})
	p.Tensors[slices.IndexFunc(p.Tensors, func(t compute.Tensor) bool { return t.Name == "w_down" })].DType = compute.F16
	groups, err := Plan(dots(), p, o)
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups, Shape{Tokens: 64}), "int8_32_gate[3 1 12]\ndown+mix+residual: matmul_experts_group_32[1 1 1] matmul_experts_f16_tile_32")
}
