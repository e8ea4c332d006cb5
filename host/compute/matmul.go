package compute

import "fmt"

// MatMul multiplies activations by a weight matrix:
//
//	Out[r,n] = Σ_k X[r,k] · W[n,k] + Bias[n]
//
// X is [R, K] float32, W is [N, K] in any weight format (decoded in the kernel), Bias is [1, N] float32 or none, Out is
// [R, N] float32; all row-major. In the shaders' terms M = N weight rows, N = R columns of activations, K.
// Out must not alias X. Exact arithmetic accumulates in float32 on gpu and float64 on fallback.
type MatMul struct {
	X, W, Bias, Out Ref
}

func (MatMul) Stem() string    { return "matmul" }
func (o MatMul) Reads() []Ref  { return refs(o.X, o.W, o.Bias) }
func (o MatMul) Writes() []Ref { return refs(o.Out) }

func (o MatMul) Check(p *Program) error {
	if o.X == 0 || o.W == 0 {
		return fmt.Errorf("got tensors X %d and W %d, want both", o.X, o.W)
	}
	x, w := p.At(o.X), p.At(o.W)
	n := w.Rows.Fixed
	if err := checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantShape(p, "W", o.W, Rows(n), x.Cols),
		wantF32(p, "Out", o.Out, x.Rows, n), wantDistinct(o.Out, o.X, o.W)); err != nil {
		return err
	}
	if o.Bias != 0 {
		return wantF32(p, "Bias", o.Bias, Rows(1), n)
	}
	return nil
}

func (o MatMul) Cost(p *Program, s *Step) Cost {
	w := p.At(o.W)
	r := int64(p.At(o.X).Rows.At(s.Sizes()))
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.W, o.Bias, o.Out), FLOPs: 2 * r * int64(w.Rows.Fixed) * int64(w.Cols)}
}

func (o MatMul) Shape(p *Program) string {
	w := p.At(o.W)
	return fmt.Sprintf("%v %d×%d", w.DType, w.Rows.Fixed, w.Cols)
}
