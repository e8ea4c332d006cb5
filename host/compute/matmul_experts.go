package compute

import "fmt"

// MatMulExperts multiplies each token by the matrices of its experts:
//
//	Out[t·U+j, n] = Σ_k X[x, k] · W[e·N+n, k] + Bias[e, n]      e = IDs[t,j], x = t·U+j when X has a row for each, else t
//
// for j of U used experts. X is [T, K] or [T·U, K] float32, W is [E·N, K] in any weight format, the matrices of E experts one
// after the other; Bias is [E, N] float32 or none; IDs is [T, U] as [Route] writes it; Out is [T·U, N] float32. An id outside
// 0 to E−1 counts as the nearest of these. Out must not alias X. Accumulators as in [MatMul].
// Source: Shazeer et al., Outrageously Large Neural Networks, 2017, eq. 1.
type MatMulExperts struct {
	X, W, Bias, IDs, Out Ref
	NumExperts           int
}

func (MatMulExperts) Stem() string    { return "matmul_experts" }
func (o MatMulExperts) Reads() []Ref  { return refs(o.X, o.W, o.Bias, o.IDs) }
func (o MatMulExperts) Writes() []Ref { return refs(o.Out) }

func (o MatMulExperts) Check(p *Program) error {
	if o.X == 0 || o.W == 0 || o.IDs == 0 {
		return fmt.Errorf("got tensors X %d, W %d and IDs %d, want all", o.X, o.W, o.IDs)
	}
	x, w, used := p.At(o.X), p.At(o.W), p.At(o.IDs).Cols
	if o.NumExperts < 1 || w.Rows.Fixed%o.NumExperts != 0 {
		return fmt.Errorf("got %d rows of %d experts, want a multiple", w.Rows.Fixed, o.NumExperts)
	}
	if x.Rows != PerToken(1) && x.Rows != PerToken(used) {
		return fmt.Errorf("got X of %v rows, want T or %dT", x.Rows, used)
	}
	n := w.Rows.Fixed / o.NumExperts
	if err := checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantShape(p, "W", o.W, w.Rows, x.Cols), wantF32(p, "IDs", o.IDs, PerToken(1), used),
		wantF32(p, "Out", o.Out, PerToken(used), n), wantDistinct(o.Out, o.X, o.W, o.IDs)); err != nil {
		return err
	}
	if o.Bias != 0 {
		return wantF32(p, "Bias", o.Bias, Rows(o.NumExperts), n)
	}
	return nil
}

// Cost counts each expert's matrix once, or once per use where fewer are used than there are.
func (o MatMulExperts) Cost(p *Program, s *Step) Cost {
	w := p.At(o.W)
	rows := int64(len(s.Tokens)) * int64(p.At(o.IDs).Cols)
	row, _ := w.DType.RowBytes(w.Cols)
	n := int64(w.Rows.Fixed / o.NumExperts)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.IDs, o.Out) + row*n*min(rows, int64(o.NumExperts)), FLOPs: 2 * rows * n * int64(w.Cols)}
}

func (o MatMulExperts) Shape(p *Program) string {
	w := p.At(o.W)
	return fmt.Sprintf("%v %d of %d %d×%d", w.DType, p.At(o.IDs).Cols, o.NumExperts, w.Rows.Fixed/o.NumExperts, w.Cols)
}
