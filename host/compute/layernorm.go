package compute

import "fmt"

// LayerNorm shifts each row to zero mean and scales it to unit variance, then by Weight, and adds Bias:
//
//	Out[r,c] = (X[r,c] − μ[r]) / sqrt(mean_c((X[r,c] − μ[r])²) + Eps) · Weight[c] + Bias[c]      μ[r] = mean_c(X[r,c])
//
// X and Out are [R, C] float32, row-major; Weight is [1, C] float32, Bias too or none. Out must not alias X.
// With Group > 0 each row is C/Group independent groups of Group columns, every one normalised by itself; Weight and Bias
// still have one element per column, so that heads may differ. Sums accumulate in float64 on fallback and float32 on gpu,
// where the variance is that of the differences, not of squares.
// Source: Ba, Kiros and Hinton, Layer Normalization, 2016, eq. 3 and 4.
type LayerNorm struct {
	X, Weight, Bias, Out Ref
	Group                int // columns of one group; 0: the whole row
	Eps                  float32
}

func (LayerNorm) Stem() string    { return "layernorm" }
func (o LayerNorm) Reads() []Ref  { return refs(o.X, o.Weight, o.Bias) }
func (o LayerNorm) Writes() []Ref { return refs(o.Out) }

func (o LayerNorm) Check(p *Program) error {
	if o.X == 0 {
		return wantType(p, "X", 0)
	}
	x := p.At(o.X)
	if o.Group < 0 || o.Group > 0 && x.Cols%o.Group != 0 {
		return fmt.Errorf("got groups of %d in %d columns, want a divisor", o.Group, x.Cols)
	}
	if !(o.Eps >= 0) {
		return fmt.Errorf("got eps %g, want at least 0", o.Eps)
	}
	if err := checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantF32(p, "Out", o.Out, x.Rows, x.Cols),
		wantF32(p, "Weight", o.Weight, Rows(1), x.Cols), wantDistinct(o.Out, o.X, o.Weight, o.Bias)); err != nil {
		return err
	}
	if o.Bias != 0 {
		return wantF32(p, "Bias", o.Bias, Rows(1), x.Cols)
	}
	return nil
}

func (o LayerNorm) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	n := int64(x.Rows.At(s.Sizes())) * int64(x.Cols)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Weight, o.Bias, o.Out), FLOPs: 7 * n}
}

func (o LayerNorm) Shape(p *Program) string { return widthOf(p, o.X) }
