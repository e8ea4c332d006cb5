package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// mixture is a router and a multiplication by the experts it picks.
func mixture(t *testing.T, experts, used int) *compute.Program {
	t.Helper()
	p := compute.NewProgram("mixture")
	weight := func(name string, f compute.DType, rows int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: f, Rows: compute.Rows(rows), Cols: 64, Buffer: fakeBuffer{}})
	}
	p.VocabSize = 70
	x, logits := p.Scratch("x", compute.PerToken(1), 64), p.Scratch("logits", compute.PerToken(1), experts)
	ids, weights := p.Scratch("ids", compute.PerToken(1), used), p.Scratch("weights", compute.PerToken(1), used)
	p.Add("embed", compute.Embed{Table: weight("table", compute.F32, 70), Out: x, Scale: 1})
	p.Add("router", compute.MatMul{X: x, W: weight("wr", compute.F32, experts), Out: logits})
	p.Add("route", compute.Route{Logits: logits, IDs: ids, Weights: weights, Used: used, Factor: 1})
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(used), Cols: 96})
	p.Add("experts", compute.MatMulExperts{X: x, W: weight("w", compute.Q8_0, experts*96), IDs: ids, Out: out, NumExperts: experts})
	require.NoError(t, p.Check())
	return p
}

// Few uses of an expert read its weights one by one; many are grouped, in wide tiles where they fill them. The grid is fixed by
// the shape alone, whatever the router picks.
func TestPlanOfExperts(t *testing.T) {
	p := mixture(t, 8, 2)
	groups, err := Plan(ample, p, compute.Options{MaxTokens: 512})
	require.NoError(t, err)
	for tokens, want := range map[int]string{
		1:   "experts: matmul_experts_q8_0_vec[48 1 1]\n",
		11:  "experts: matmul_experts_q8_0_vec[528 1 1]\n",
		12:  "experts: matmul_experts_group_32[1 1 1] matmul_experts_q8_0_tile_32[3 1 8]\n",
		255: "experts: matmul_experts_group_32[1 1 1] matmul_experts_q8_0_tile_32[3 1 23]\n",
		256: "experts: matmul_experts_group_64[1 1 1] matmul_experts_q8_0_tile_64[2 1 16]\n",
		512: "experts: matmul_experts_group_64[1 1 1] matmul_experts_q8_0_tile_64[2 1 24]\n",
	} {
		assert.Equal(t, want, outline(p, groups[3:], Shape{Tokens: tokens}), "%d tokens", tokens)
	}
	for variant, want := range map[string]string{
		"matmul_experts_vec":  "experts: matmul_experts_q8_0_vec[24576 1 1]\n",
		"matmul_experts_tile": "experts: matmul_experts_group_64[1 1 1] matmul_experts_q8_0_tile_64[2 1 24]\n",
	} {
		groups, err := Plan(ample, p, compute.Options{MaxTokens: 512, Variant: map[string]string{"matmul_experts": variant}})
		require.NoError(t, err)
		assert.Equal(t, want, outline(p, groups[3:], Shape{Tokens: 512}))
		assert.Equal(t, "asked for "+variant, groups[3].Why)
	}
	groups, err = Plan(small, p, compute.Options{MaxTokens: 4}) // subgroups cannot add
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[3:], Shape{Tokens: 1}), "tile_32")
	tiny := ample
	tiny.SharedBytes = 4 << 10
	groups, err = Plan(tiny, p, compute.Options{MaxTokens: 512})
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[3:], Shape{Tokens: 512}), "vec")
}

// No schedule has more tiles than the grid: each expert has at most one that is not full.
func TestTilesOf(t *testing.T) {
	for _, size := range []int{32, 64} {
		for experts := 1; experts <= 9; experts++ {
			for uses := range 300 {
				worst := 0
				for ones := range min(experts, uses+1) { // that many experts with one use each, the rest goes to one more
					worst = max(worst, ones+ceilDiv(uses-ones, size))
				}
				assert.GreaterOrEqual(t, tilesOf(uses, experts, size), worst)
			}
		}
	}
}
