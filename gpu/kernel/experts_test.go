package kernel

import (
	"strings"
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
		assert.Equal(t, want, outline(p, groups[len(groups)-1:], Shape{Tokens: tokens}), "%d tokens", tokens)
	}
	for variant, want := range map[string]string{
		"matmul_experts_vec":  "experts: matmul_experts_q8_0_vec[24576 1 1]\n",
		"matmul_experts_tile": "experts: matmul_experts_group_64[1 1 1] matmul_experts_q8_0_tile_64[2 1 24]\n",
	} {
		groups, err := Plan(ample, p, compute.Options{MaxTokens: 512, Variant: map[string]string{"matmul_experts": variant}})
		require.NoError(t, err)
		assert.Equal(t, want, outline(p, groups[len(groups)-1:], Shape{Tokens: 512}))
		assert.Equal(t, "asked for "+variant, groups[len(groups)-1].Why)
	}
	groups, err = Plan(small, p, compute.Options{MaxTokens: 4}) // subgroups cannot add
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 1}), "tile_32")
	tiny := ample
	tiny.SharedBytes = 4 << 10
	groups, err = Plan(tiny, p, compute.Options{MaxTokens: 512})
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 512}), "vec")
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

// moe is a layer's feed-forward part of experts, with what makes the families differ.
type moe struct {
	shared, opened, biased bool
	wide                   bool // 128 instead of 96
	fn                     compute.Function
	scale                  float32
}

// newMoE is norm, router, experts and residual behind a norm: hidden 64, 8 experts of 96 of which 2 are used.
func newMoE(t *testing.T, m moe) *compute.Program {
	const hidden, experts, used = 64, 8, 2
	ffn := 96
	if m.wide {
		ffn = 128
	}
	p := compute.NewProgram("moe")
	p.VocabSize = 5
	tensor := func(name string, f compute.DType, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: f, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	scratch := func(name string, rows, cols int) compute.Ref { return p.Scratch(name, compute.PerToken(rows), cols) }
	mul := func(name string, x compute.Ref, f compute.DType, rows int) compute.Ref {
		out := scratch(name, 1, rows)
		p.Add(name, compute.MatMul{X: x, W: tensor("w_"+name, f, rows, p.At(x).Cols), Out: out})
		return out
	}
	gate := func(name string, fn compute.Function, a, b compute.Ref) compute.Ref {
		out := p.Scratch(name, p.At(a).Rows, p.At(a).Cols)
		if fn == compute.SiLU {
			p.Add(name, compute.SwiGLU{Gate: a, Up: b, Out: out})
		} else {
			p.Add(name, compute.Activation{X: a, Up: b, Out: out, Fn: fn})
		}
		return out
	}
	x, h := scratch("x", 1, hidden), scratch("h", 1, hidden)
	p.Add("embed", compute.Embed{Table: tensor("embd", compute.Q8_0, 5, hidden), Out: x, Scale: 1})
	p.Add("norm", compute.RMSNorm{X: x, Weight: tensor("w_norm", compute.F32, 1, hidden), Out: h, Eps: 1e-5})
	ids, weights := scratch("ids", 1, used), scratch("weights", 1, used)
	logits := mul("router", h, compute.F32, experts)
	var open, beside compute.Ref
	p.Add("route", compute.Route{Logits: logits, IDs: ids, Weights: weights, Used: used, Factor: 1})
	if m.opened {
		open = gate("opened", compute.Sigmoid, mul("open", h, compute.F32, 1), 0)
	}
	if m.shared {
		beside = mul("sh_down", gate("sh_act", m.fn, mul("sh_gate", h, compute.Q8_0, ffn), mul("sh_up", h, compute.Q8_0, ffn)), compute.Q8_0, hidden)
	}
	each := func(name string, x compute.Ref, n int) compute.Ref {
		op := compute.MatMulExperts{X: x, W: tensor("w_"+name, compute.Q8_0, experts*n, p.At(x).Cols), IDs: ids, Out: scratch(name, used, n), NumExperts: experts}
		if m.biased {
			op.Bias = tensor("b_"+name, compute.F32, experts, n)
		}
		p.Add(name, op)
		return op.Out
	}
	g := each("gate", h, ffn)
	y := each("down", gate("act", m.fn, g, each("up", h, ffn)), hidden)
	sum := scratch("mix", 1, hidden)
	p.Add("mix", compute.Mix{X: y, Weights: weights, Out: sum})
	if m.opened {
		s := scratch("sh_mix", 1, hidden)
		p.Add("sh_mix", compute.Mix{X: beside, Weights: open, Out: s})
		beside = s
	}
	if m.shared {
		s := scratch("sh_sum", 1, hidden)
		p.Add("sh_sum", compute.Add{A: sum, B: beside, Out: s})
		sum = s
	}
	if m.scale != 0 {
		s := scratch("scaled", 1, hidden)
		p.Add("scale", compute.Scale{X: sum, Out: s, Factor: m.scale})
		sum = s
	}
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: hidden})
	p.Add("residual", compute.Add{A: x, B: sum, Out: out})
	require.NoError(t, p.Check())
	return p
}

// A mixture of few tokens is two dispatches behind its router, which chooses experts itself, whatever the family adds; many tokens share one schedule between the
// multiplications of one gate.
func TestPlanOfAMixture(t *testing.T) {
	for name, c := range map[string]struct {
		moe
		few string
	}{
		"qwen3moe": {moe{}, `norm+router+route: matmul_f32_vec_1_norm_route[2 1 1] rmsnorm[1 1 1]
gate+up+act: matmul_experts_q8_0_vec_gate[96 1 1]
down+mix+residual: matmul_experts_q8_0_vec_mix[16 1 1]
`},
		"gptoss": {moe{biased: true, fn: compute.ClampedSiLU}, `norm+router+route: matmul_f32_vec_1_norm_route[2 1 1] rmsnorm[1 1 1]
gate+up+act: matmul_experts_q8_0_vec_gate[96 1 1]
down+mix+residual: matmul_experts_q8_0_vec_mix[16 1 1]
`},
		"qwen2moe": {moe{shared: true, opened: true}, `norm+router+route: matmul_f32_vec_1_norm_route[2 1 1] rmsnorm[1 1 1]
open+opened: matmul_f32_vec_1_norm_sigmoid[1 1 1]
sh_gate+sh_up+sh_act: matmul_q8_0_vec_1_norm[48 1 1]
sh_down: matmul_q8_0_vec_1[16 1 1]
gate+up+act: matmul_experts_q8_0_vec_gate[96 1 1]
down+mix+sh_mix+sh_sum+residual: matmul_experts_q8_0_vec_mix[16 1 1]
`},
		"granite": {moe{shared: true, scale: 0.2}, `norm+router+route: matmul_f32_vec_1_norm_route[2 1 1] rmsnorm[1 1 1]
sh_gate+sh_up+sh_act: matmul_q8_0_vec_1_norm[48 1 1]
sh_down: matmul_q8_0_vec_1[16 1 1]
gate+up+act: matmul_experts_q8_0_vec_gate[96 1 1]
down+mix+sh_sum+scale+residual: matmul_experts_q8_0_vec_mix[16 1 1]
`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMoE(t, c.moe)
			groups, err := Plan(ample, p, compute.Options{MaxTokens: 64})
			require.NoError(t, err)
			assert.Equal(t, c.few, outline(p, groups[1:], Shape{Tokens: 1}))
			many := outline(p, groups[1:], Shape{Tokens: 64})
			assert.Contains(t, many, "norm+router", "beyond, op by op")
			assert.Contains(t, many, "gate+up+act: matmul_experts_group_32[1 1 1] matmul_experts_q8_0_tile_32[3 1 12] matmul_experts_q8_0_tile_32[3 1 12] "+
				map[bool]string{true: "swiglu", false: "activation"}[c.fn == compute.SiLU])
			assert.NotContains(t, many, "vec")
			single, err := Plan(ample, p, compute.Options{MaxTokens: 1, NoFuse: true})
			require.NoError(t, err)
			assert.Len(t, single, len(p.Instrs))
			forced, err := Plan(ample, p, compute.Options{MaxTokens: 64, Variant: map[string]string{"matmul_experts": "matmul_experts_lane"}})
			require.NoError(t, err)
			assert.Contains(t, outline(p, forced, Shape{Tokens: 64}), "matmul_experts_q8_0_lane_mix[")
		})
	}
}

// On devices with matrix units many uses are multiplied there in fast arithmetic, in tiles as wide as the average load fills, and gates
// stay with what they open.
func TestPlanOfExpertsOnMatrixUnits(t *testing.T) {
	p, o := mixture(t, 8, 2), compute.Options{MaxTokens: 1024, Math: compute.Fast}
	groups, err := Plan(matrices(), p, o)
	require.NoError(t, err)
	for tokens, want := range map[int]string{
		11:   "experts: matmul_experts_q8_0_vec[528 1 1]\n",
		12:   "experts: matmul_halves[12 1 1] matmul_experts_group_32[1 1 1] matmul_experts_q8_0_coop_64x32[2 1 8]\n",
		127:  "experts: matmul_halves[127 1 1] matmul_experts_group_32[1 1 1] matmul_experts_q8_0_coop_64x32[2 1 15]\n",
		128:  "experts: matmul_halves[128 1 1] matmul_experts_group_64[1 1 1] matmul_experts_q8_0_coop_64x64[2 1 12]\n",
		512:  "experts: matmul_halves[512 1 1] matmul_experts_group_128[1 1 1] matmul_experts_q8_0_coop_64x128[2 1 16]\n",
		1024: "experts: matmul_halves[1024 1 1] matmul_experts_group_128[1 1 1] matmul_experts_q8_0_coop_64x128[2 1 24]\n",
	} {
		assert.Equal(t, want, outline(p, groups[len(groups)-1:], Shape{Tokens: tokens}), "%d tokens", tokens)
	}
	assert.Contains(t, groups[len(groups)-1].Why, "grouped by expert, for matrix units")
	for name, c := range map[string]struct {
		change func(*Caps)
		want   string
	}{
		"a CPU":   {func(c *Caps) { c.UniformLoads = true }, "_tile_64"},
		"refused": {func(c *Caps) { c.Refused = map[string]string{"matmul_experts_coop": "it computes wrongly"} }, "_half_64"},
		"none":    {func(c *Caps) { c.CoopMat = nil }, "_half_64"},
	} {
		caps := matrices()
		c.change(&caps)
		groups, err := Plan(caps, p, o)
		require.NoError(t, err)
		assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 512}), c.want, name)
	}
	for _, fn := range []compute.Function{compute.SiLU, compute.ClampedSiLU} {
		p := newMoE(t, moe{fn: fn, biased: true})
		groups, err := Plan(matrices(), p, o)
		require.NoError(t, err)
		many := outline(p, groups, Shape{Tokens: 64})
		assert.Contains(t, many, "gate+up+act+down+mix+residual: matmul_halves[64 1 1] matmul_experts_group_32[1 1 1] matmul_experts_q8_0_coop_64x32_gate[2 1 12] "+
			"matmul_halves[128 1 1] matmul_experts_q8_0_coop_64x32[1 1 12] mix")
		// One schedule serves both, and where rows are whole chunks of scales, halves lie in between.
		p = newMoE(t, moe{fn: fn, wide: true})
		for _, c := range []struct {
			kib             uint32
			tokens          int
			gate, schedules string
		}{{48, 64, "64x32", "32"}, {48, 512, "64x64", "64 128"}, {100, 512, "128x128", "128"}} { // without the room, tiles of the two differ in width
			caps := matrices()
			caps.SharedBytes = c.kib << 10
			groups, err = Plan(caps, p, o)
			require.NoError(t, err)
			var made []string
			many := outline(p, groups, Shape{Tokens: c.tokens})
			for _, name := range strings.Fields(many) {
				if size, ok := strings.CutPrefix(name, "matmul_experts_group_"); ok {
					made = append(made, strings.TrimSuffix(size, "[1"))
				}
			}
			assert.Equal(t, c.schedules, strings.Join(made, " "), many)
			assert.Contains(t, many, "coop_"+c.gate+"_gate")
			assert.NotRegexp(t, "_gate.* matmul_halves", many)
		}
		for _, d := range groups[len(groups)-1].Dispatches {
			if strings.HasSuffix(d.Name, "_gate") && strings.Contains(d.Module, "coop") {
				assert.Equal(t, []uint32{0, coopTop}, d.Spec[13:], d.Name)
			} else if strings.Contains(d.Module, "coop") {
				assert.Equal(t, []uint32{1, 0}, d.Spec[13:], d.Name)
			}
		}
	}
	o.Math = compute.Exact
	groups, err = Plan(matrices(), p, o)
	require.NoError(t, err)
	assert.Contains(t, outline(p, groups[len(groups)-1:], Shape{Tokens: 512}), "_tile_64")
}

// Whatever the device's fragments and memory, tiles of experts keep within both, and every number of uses has exactly one.
func TestTilesOfExpertsFit(t *testing.T) {
	for _, shape := range []CoopMatShape{{CoopMatFloat, 8, 8, 8}, {CoopMatFloat, 8, 16, 16}, {CoopMatFloat, 16, 16, 16}, {CoopMatFloat, 16, 8, 16}} {
		for _, kib := range []uint32{16, 32, 48, 64} {
			caps := matrices()
			caps.SharedBytes, caps.CoopMat = kib<<10, []CoopMatShape{shape}
			if expertsCoopLacks(&caps) != "" {
				continue
			}
			groups, err := Plan(caps, newMoE(t, moe{}), compute.Options{MaxTokens: 1000, Math: compute.Fast})
			require.NoError(t, err)
			for tokens := 12; tokens <= 1000; tokens += 29 {
				ran := 0
				for _, g := range groups {
					for _, d := range g.Dispatches {
						if grid := d.Grid(Shape{Tokens: tokens}); grid[0] == 0 || d.Module != "matmul_experts_q8_0_coop" {
							continue
						}
						ran++
						bm, bn, bk, sgm, sgn, pair := d.Spec[1], d.Spec[2], d.Spec[3], d.Spec[4], d.Spec[5], d.Spec[9]
						shared := 4*(bk+8)*((1+pair)*bm+bn) + 4*(1+pair)*sgm*sgn*shape.M*shape.N + 4*bn
						assert.LessOrEqual(t, shared, caps.SharedBytes, "%s on %v with %d KiB", d.Name, shape, kib)
						assert.True(t, bm/sgm%shape.M == 0 && bn/sgn%shape.N == 0 && bk%shape.K == 0 && d.Spec[0] == sgm*sgn*32, "%s on %v", d.Name, shape)
					}
				}
				assert.Equal(t, 2, ran, "%d tokens on %v with %d KiB", tokens, shape, kib)
			}
		}
	}
}
