package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
)

// newStreams has what Gemma 3n has of its own: streams that are mixed, with many columns, gates above their mean, a path of low rank beside
// queries that have no keys, results that are normalised in front of two sums, and such that are in front of none.
func newStreams(t testing.TB) *compute.Program {
	const cols, wide = 2048, 256
	p := compute.NewProgram("streams")
	p.VocabSize, p.MaxPos = 70, 512
	w := func(name string, rows, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rows), Cols: cols, Buffer: fakeBuffer{}})
	}
	s := func(name string, cols int) compute.Ref { return p.Scratch(name, compute.PerToken(1), cols) }
	feed := func(name string, cols int) compute.Ref {
		out := s(name, cols)
		p.Add("feed_"+name, compute.Embed{Table: w(name+"_table", 70, cols), Out: out, Scale: 1})
		return out
	}
	result := func(name string, cols int) compute.Ref {
		return p.Declare(compute.Tensor{Name: name, Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: cols})
	}
	mul := func(name string, x compute.Ref, rows int) compute.Ref {
		out := s(name, rows)
		p.Add(name, compute.MatMul{X: x, W: w("w_"+name, rows, p.At(x).Cols), Out: out})
		return out
	}
	norm := func(name string, x compute.Ref, group int, out compute.Ref) compute.Ref {
		n := p.At(x).Cols
		if group > 0 {
			n = group
		}
		p.Add(name, compute.RMSNorm{X: x, Weight: w("w_"+name, 1, n), Out: out, Group: group, Eps: 1e-6})
		return out
	}
	x, y, up := feed("x", 4*cols), feed("y", cols), feed("up", 4*cols)
	first := s("first", cols)
	p.Add("mixed", compute.AltUp{X: x, Y: y, Router: w("router", 4, cols), Coefs: w("coefs", 20, 4), Bias: w("bias", 1, 20), Scale: w("scale", 1, cols),
		Out: result("out", 4*cols), First: first, Scaled: result("scaled", cols)})
	p.Add("gated", compute.SparseGate{X: x, Up: up, Out: result("open", 4*cols), Cutoff: 1, Fn: compute.GELUTanh})

	h := norm("norm", first, 0, s("h", cols))
	low := mul("low", h, 64)
	q := norm("q_norm", mul("q", h, wide), 64, s("q_normed", wide))
	rotated := result("rotated", wide)
	p.Add("q_rope", compute.RoPE{X: q, Table: w("angles", 512, 64), Out: rotated, NumHeads: 4, HeadDim: 64, RotDim: 64})
	beside := s("beside", cols)
	p.Add("beside", compute.Add{A: h, B: norm("high_norm", mul("high", low, cols), 0, s("high_normed", cols)), Out: beside})
	sum, all := s("sum", cols), s("all", cols)
	p.Add("sum", compute.Add{A: first, B: norm("o_norm", mul("o", up, cols), 0, s("o_normed", cols)), Out: sum})
	p.Add("all", compute.Add{A: sum, B: beside, Out: all})
	half := s("half", cols)
	p.Add("half", compute.Scale{X: all, Out: half, Factor: 0.5})
	norm("last_norm", mul("last", half, cols), 0, result("last_normed", cols))
	require.NoError(t, p.Check())
	return p
}

func TestPlanOfStreams(t *testing.T) {
	p := newStreams(t)
	groups, err := Plan(ample, p, compute.Options{MaxTokens: 64})
	require.NoError(t, err)
	assert.Equal(t, `mixed: altup[4 1 1]
gated: sparse_gate[1 1 1]
norm+low+q+q_norm+q_rope: matmul_f32_vec_1_norm_heads_rope[80 1 1] rmsnorm[1 1 1]
high+high_norm+beside: matmul_f32_vec_1_rmsnorm[512 1 1]
o+o_norm+sum+all+half: matmul_f32_vec_1_rmsnorm_add_scale[512 1 1]
last+last_norm: matmul_f32_vec_1_rmsnorm[512 1 1]
`, outline(p, groups[3:], Shape{Tokens: 1}))
	assert.Equal(t, `mixed: altup[9 1 1]
gated: sparse_gate[9 1 1]
norm+low+q+q_norm+q_rope: rmsnorm[9 1 1] matmul_f32_tile_32_k4[10 1 4] matmul_join[23 1 1] rmsnorm[36 1 1] rope[18 1 1]
high+high_norm+beside: matmul_f32_tile_32[64 1 1] rmsnorm[9 1 1] add[144 1 1]
o+o_norm+sum+all+half: matmul_f32_tile_32[64 1 1] rmsnorm[9 1 1] add[144 1 1] add[144 1 1] scale[144 1 1]
last+last_norm: matmul_f32_tile_32[64 1 1] rmsnorm[9 1 1]
`, outline(p, groups[3:], Shape{Tokens: 9}), "beyond 8 rows, op by op")
}
