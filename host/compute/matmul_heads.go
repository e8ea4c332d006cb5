package compute

import "fmt"

// MatMulHeads multiplies each head by a matrix of its own:
//
//	Out[t, h·N+n] = Σ_k X[t, h·K+k] · W[h·N+n, k]
//
// for h of NumHeads heads. X is [T, NumHeads·K] float32, W is [NumHeads·N, K] in any weight format, the matrices of the heads one
// after the other; Out is [T, NumHeads·N] float32 and must not alias X. Accumulators as in [MatMul].
// Source: DeepSeek-AI, DeepSeek-V2, 2024, section 2.1.2: the up-projections of keys and values, absorbed into queries and output.
type MatMulHeads struct {
	X, W, Out Ref
	NumHeads  int
}

func (MatMulHeads) Stem() string    { return "matmul_heads" }
func (o MatMulHeads) Reads() []Ref  { return refs(o.X, o.W) }
func (o MatMulHeads) Writes() []Ref { return refs(o.Out) }

func (o MatMulHeads) Check(p *Program) error {
	if o.X == 0 || o.W == 0 {
		return fmt.Errorf("got tensors X %d and W %d, want both", o.X, o.W)
	}
	w := p.At(o.W)
	if o.NumHeads < 1 || w.Rows.Fixed%o.NumHeads != 0 {
		return fmt.Errorf("got %d rows of %d heads, want a multiple", w.Rows.Fixed, o.NumHeads)
	}
	return checks(wantF32(p, "X", o.X, PerToken(1), o.NumHeads*w.Cols), wantShape(p, "W", o.W, Rows(w.Rows.Fixed), w.Cols),
		wantF32(p, "Out", o.Out, PerToken(1), w.Rows.Fixed), wantDistinct(o.Out, o.X, o.W))
}

func (o MatMulHeads) Cost(p *Program, s *Step) Cost {
	w := p.At(o.W)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.W, o.Out), FLOPs: 2 * int64(len(s.Tokens)) * int64(w.Rows.Fixed) * int64(w.Cols)}
}

func (o MatMulHeads) Shape(p *Program) string {
	w := p.At(o.W)
	return fmt.Sprintf("%v %d heads %d×%d", w.DType, o.NumHeads, w.Rows.Fixed/o.NumHeads, w.Cols)
}
