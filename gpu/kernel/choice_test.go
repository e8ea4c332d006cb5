package kernel

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// Of every op that has several variants, each either runs or is named with why it does not.
func TestChoicesNameEveryVariant(t *testing.T) {
	lanes := withEverything()
	lanes.UniformLoads, lanes.CPU = true, true
	helpers := []string{"matmul_halves", "matmul_join", "quantize", "rmsnorm_halves", "rmsnorm_quantize", "attention_combine", "matmul_experts_group_32", "matmul_experts_group_64"}
	for _, p := range []*compute.Program{newLayer(t, compute.Q8_0).p, newLayer(t, compute.F16).p, newMoE(t, moe{shared: true, wide: true})} {
		for _, caps := range []Caps{ample, small, lanes, matrices(), dots(), nvidia()} {
			for _, o := range []compute.Options{{}, {Math: compute.Fast}} {
				o.MaxTokens, o.MaxOutputs, o.MaxSeqs, o.MaxPages = 300, 1, 1, 8
				for _, rows := range []int{1, 8, 9, 64, 65, 300} {
					choices, err := Choices(caps, p, o, Shape{Tokens: rows, Outputs: 1, Seqs: 1})
					require.NoError(t, err)
					for _, c := range choices {
						require.NotEmpty(t, c.Kernels)
						ran := map[string]bool{}
						for _, k := range c.Kernels {
							v := variantOf(k)
							assert.True(t, v != "" || slices.Contains(helpers, k) || strings.HasPrefix(k, "embed_"), k)
							ran[v] = true
						}
						for _, i := range c.Ops {
							stem := p.Instrs[i].Op.Stem()
							var of []Variant
							for _, v := range Variants(caps) {
								if v.Op == stem {
									of = append(of, v)
								}
							}
							if len(of) < 2 {
								continue
							}
							for _, v := range of {
								at := slices.IndexFunc(c.Others, func(o Other) bool { return o.Op == stem && o.Variant == v.Name })
								assert.Equal(t, ran[v.Name], at < 0, "%s beside %v", v.Name, c.Kernels)
								if at >= 0 {
									assert.NotEmpty(t, c.Others[at].Why)
								}
							}
						}
					}
				}
			}
		}
	}
}

// The reasons are those of the plan's rules.
func TestWhyAVariantIsNotChosen(t *testing.T) {
	refused := ample
	refused.Refused = map[string]string{"matmul_tile_64": "computed wrongly"}
	fast := compute.Options{Math: compute.Fast}
	for _, c := range []struct {
		caps    Caps
		o       compute.Options
		rows    int
		variant string
		why     string
	}{
		{ample, compute.Options{}, 1, "matmul_tile_64", "for more than 8 rows, this has 1"},
		{ample, compute.Options{}, 300, "matmul_vec", "for up to 8 rows, this has 300"},
		{ample, compute.Options{}, 300, "matmul_half", "the device lacks half precision"},
		{matrices(), compute.Options{}, 300, "matmul_coop", "for fast arithmetic"},
		{matrices(), fast, 300, "matmul_tile_64", "matrix units are faster"},
		{matrices(), fast, 300, "matmul_coop_half", "not known to be faster"},
		{matrices(), fast, 300, "matmul_skinny", "for up to 64 rows, this has 300"},
		{matrices(), fast, 20, "matmul_coop", "matmul_skinny streams"},
		{dots(), fast, 300, "matmul_tile_64", "packed dot products are faster"},
		{refused, compute.Options{}, 300, "matmul_tile_64", "left out here: computed wrongly"},
	} {
		o := c.o
		o.MaxTokens = 300
		choices, err := Choices(c.caps, product1(compute.Q8_0, 512, 512), o, Shape{Tokens: c.rows, Outputs: 1, Seqs: 1})
		require.NoError(t, err)
		at := slices.IndexFunc(choices[0].Others, func(o Other) bool { return o.Variant == c.variant })
		require.GreaterOrEqual(t, at, 0, "%s runs: %v", c.variant, choices[0].Kernels)
		assert.Contains(t, choices[0].Others[at].Why, c.why, "%s of %d rows", c.variant, c.rows)
	}
}

func TestNeedsOfVariants(t *testing.T) {
	for _, v := range Variants(ample) {
		switch v.Name {
		case "matmul_vec", "matmul_experts_vec", "matmul_heads":
			assert.Contains(t, v.Needs(), "subgroup arithmetic")
		case "matmul_coop", "matmul_coop_split", "matmul_skinny", "attention_coop", "matmul_experts_coop":
			assert.Contains(t, v.Needs(), "VK_KHR_cooperative_matrix", v.Name)
		case "matmul_int8", "matmul_vec_int8", "matmul_int8_split", "matmul_experts_int8":
			assert.Contains(t, v.Needs(), "shaderIntegerDotProduct", v.Name)
		case "rmsnorm", "add":
			assert.Empty(t, v.Needs())
		}
	}
}
