package fallback_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tuff/fallback/quant"
	"tuff/host/compute"
)

// mixture is a program whose multiplications follow each other with the same rows of X: of tokens, in several formats and one of them for
// nobody, and of experts.
func mixture(t *testing.T, d compute.Device) (*compute.Program, compute.Ref) {
	const cols, ffn, experts, used = 256, 320, 6, 2
	p := compute.NewProgram("mixture")
	p.VocabSize = 40
	r := rand.New(rand.NewPCG(5, 6))
	weight := func(name string, format compute.DType, rows, cols int) compute.Ref {
		values := make([]float32, rows*cols)
		for i := range values {
			values[i] = float32(r.NormFloat64()) / 8
		}
		size, err := format.Bytes(rows, cols)
		require.NoError(t, err)
		data := make([]byte, size)
		if format == compute.F32 {
			copy(data, compute.Bytes(values))
		} else {
			require.NoError(t, quant.Fit(format, data, values))
		}
		b, err := d.NewBuffer(compute.BufferSpec{Name: name, Usage: compute.UseWeights, Size: size, DType: format, Rows: rows, Cols: cols, Data: data, Among: 2 << 20})
		require.NoError(t, err)
		return p.Declare(compute.Tensor{Name: name, Role: compute.Weight, DType: format, Rows: compute.Rows(rows), Cols: cols, Buffer: b})
	}
	one, each := compute.PerToken(1), compute.PerToken(used)
	x := p.Scratch("x", one, cols)
	p.Add("embd", compute.Embed{Table: weight("embd", compute.F32, p.VocabSize, cols), Out: x, Scale: 2})
	product := func(name string, format compute.DType, rows int) compute.Ref {
		out := p.Scratch(name, one, rows)
		p.Add(name, compute.MatMul{X: x, W: weight(name, format, rows, cols), Out: out})
		return out
	}
	logits := product("router", compute.F32, experts)
	gate := product("gate", compute.Q4_K, cols)
	product("nobody's", compute.Q8_0, 8*cols) // up lies in its place
	up := product("up", compute.Q4_1, cols)
	third := product("third", compute.F16, cols)
	gated, both := p.Scratch("gated", one, cols), p.Scratch("both", one, cols)
	p.Add("gated", compute.SwiGLU{Gate: gate, Up: up, Out: gated})
	p.Add("both", compute.Add{A: gated, B: third, Out: both})

	ids, weights := p.Scratch("ids", one, used), p.Scratch("weights", one, used)
	p.Add("route", compute.Route{Logits: logits, IDs: ids, Weights: weights, Used: used, Normalize: true, Factor: 1})
	ofExperts := func(name string, x compute.Ref, format compute.DType, rows, cols int) compute.Ref {
		out := p.Scratch(name, each, rows)
		p.Add(name, compute.MatMulExperts{X: x, W: weight(name, format, experts*rows, cols), IDs: ids, Out: out, NumExperts: experts})
		return out
	}
	gates, ups := ofExperts("gates", both, compute.Q4_0, ffn, cols), ofExperts("ups", both, compute.Q5_1, ffn, cols)
	products := p.Scratch("products", each, ffn)
	p.Add("products", compute.SwiGLU{Gate: gates, Up: ups, Out: products})
	downs := ofExperts("downs", products, compute.Q5_0, cols, ffn)
	out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: one, Cols: cols})
	p.Add("out", compute.Mix{X: downs, Weights: weights, Out: out})
	return p, out
}

// Multiplications that run as one task, and take rows of X as the one before has rounded them, give what they give one by one, which they are when somebody looks between them.
func TestJoinedMultiplicationsGiveTheSame(t *testing.T) {
	for _, math := range []compute.Math{compute.Exact, compute.Fast} {
		for _, threads := range []int{1, 3} {
			d := open(t, threads)
			p, out := mixture(t, d)
			for _, tokens := range []int{1, 3, 40} {
				t.Run(fmt.Sprintf("%v_%d_%d", math, threads, tokens), func(t *testing.T) {
					e, err := d.Compile(t.Context(), p, compute.Options{MaxTokens: tokens, Math: math})
					require.NoError(t, err)
					seen := 0
					require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(tokens), Before: func(int) error { seen++; return nil }}))
					require.Equal(t, len(p.Instrs), seen)
					want := read(t, d, e, out, tokens*256)
					require.NotZero(t, want[0])
					for range 20 {
						require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(tokens)}))
						require.True(t, slices.Equal(want, read(t, d, e, out, tokens*256)))
					}
				})
			}
		}
	}
}
