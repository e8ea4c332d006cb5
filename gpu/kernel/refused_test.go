package kernel

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// What computes wrongly on a device is left out of its plans, for the next best.
func TestRefusedVariantsAreReplaced(t *testing.T) {
	units, cpu, dots, cards := matrices(), ample, ample, matrices()
	cpu.UniformLoads = true
	dots.IntegerDot, dots.FastDot = true, true
	cards.HalfSums = true
	for _, c := range []struct {
		caps    Caps
		math    compute.Math
		rows    int
		refused string
		want    string // what multiplies
	}{
		{units, compute.Fast, 600, "", "matmul_q4_k_coop_128x128"},
		{units, compute.Fast, 600, "matmul_coop", "matmul_q4_k_half_64"},
		{units, compute.Fast, 600, "matmul_coop matmul_half", "matmul_q4_k_tile_64"},
		{units, compute.Fast, 20, "", "matmul_q4_k_skinny_64x32"},
		{units, compute.Fast, 20, "matmul_skinny", "matmul_q4_k_coop_64x64"},
		{units, compute.Fast, 70, "", "matmul_q4_k_coop_128x128_k2"},
		{units, compute.Fast, 70, "matmul_coop_split", "matmul_q4_k_coop_128x128"},
		{cards, compute.Fast, 600, "matmul_coop_half", "matmul_q4_k_coop_128x128"},
		{dots, compute.Fast, 600, "", "matmul_q4_k_int8_64"},
		{dots, compute.Fast, 600, "matmul_int8", "matmul_q4_k_tile_64"},
		{ample, compute.Exact, 600, "matmul_tile_64", "matmul_q4_k_tile_32"},
		{ample, compute.Exact, 20, "matmul_tile_32", "matmul_q4_k_tile_64"},
		{ample, compute.Exact, 600, "matmul_tile_32 matmul_tile_64", "matmul_q4_k_lane_8"},
		{ample, compute.Exact, 1, "", "matmul_q4_k_vec_1"},
		{ample, compute.Exact, 1, "matmul_vec", "matmul_q4_k_lane_1"},
		{cpu, compute.Exact, 1, "matmul_lane", "matmul_q4_k_vec_1"},
	} {
		c.caps.Refused = map[string]string{}
		for _, v := range strings.Fields(c.refused) {
			c.caps.Refused[v] = "it computes wrongly"
		}
		groups, err := Plan(c.caps, product1(compute.Q4_K, 4096, 4096), compute.Options{MaxTokens: 600, MaxOutputs: 1, MaxSeqs: 1, Math: c.math})
		require.NoError(t, err)
		var ran []string
		for _, d := range groups[0].Dispatches {
			if g := d.Grid(Shape{Tokens: c.rows, Outputs: 1, Seqs: 1}); g[0] > 0 && strings.HasPrefix(d.Name, "matmul_q4_k") {
				ran = append(ran, d.Name)
			}
		}
		assert.Equal(t, []string{c.want}, ran, "%d rows without %q", c.rows, c.refused)
		for _, v := range strings.Fields(c.refused) {
			assert.Contains(t, groups[0].Why, "without "+v)
		}
	}
}

// Attention too, and whoever asks by name gets what he asked for.
func TestRefusedAttention(t *testing.T) {
	op := compute.Attention{NumHeads: 8, NumKVHeads: 2, HeadDim: 64, HeadDimV: 64, Scale: 1, Causal: true, Paged: true}
	fast := compute.Options{MaxTokens: 64, MaxOutputs: 1, MaxSeqs: 1, MaxPages: 64, Math: compute.Fast}
	plan := func(o compute.Options, refused ...string) string {
		caps := matrices()
		caps.Refused = map[string]string{}
		for _, v := range refused {
			caps.Refused[v] = "it computes wrongly"
		}
		groups, err := Plan(caps, attentionOf(op, compute.F16), o)
		require.NoError(t, err)
		var names []string
		for _, d := range groups[0].Dispatches {
			names = append(names, d.Name)
		}
		return strings.Join(names, " ")
	}
	assert.Contains(t, plan(fast), "attention_coop")
	assert.Contains(t, plan(fast), "attention_decode_joined")
	assert.Contains(t, plan(fast, "attention_coop"), "attention_prefill attention_decode_joined")
	assert.Regexp(t, "attention_prefill attention_decode_split_[0-9]+ attention_combine", plan(fast, "attention_coop", "attention_joined"))
	assert.Equal(t, "attention_prefill attention_decode", plan(fast, "attention_coop", "attention_split", "attention_joined"))
	assert.Equal(t, "attention_prefill", plan(fast, "attention_coop", "attention_decode"))
	fast.Variant = map[string]string{"attention": "attention_coop"}
	assert.Contains(t, plan(fast, "attention_coop"), "attention_coop")
}

// Variants says what is left out.
func TestVariantsNameTheRefused(t *testing.T) {
	caps := ample
	caps.Refused = map[string]string{"matmul_vec": "it computes wrongly"}
	refused := 0
	for _, v := range Variants(caps) {
		if v.Refused != "" {
			refused++
			assert.Equal(t, "matmul_vec", v.Name)
		}
	}
	assert.Equal(t, 1, refused)
}

// Nor are shapes taken that were found for it before.
func TestRefusedShapesAreNotTaken(t *testing.T) {
	units := matrices()
	few, many := Few{"vec", 2, 64}, coopTiles[0].many(&units, "matmul_coop")
	require.NoError(t, few.check(&units))
	require.NoError(t, many.check(&units))
	units.Refused = map[string]string{"matmul_vec": "it computes wrongly", "matmul_coop": "it computes wrongly"}
	assert.ErrorContains(t, few.check(&units), "left out here")
	assert.ErrorContains(t, many.check(&units), "left out here")
}
