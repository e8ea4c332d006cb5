package compute

import "fmt"

// RMSNorm scales each row to unit root mean square, then by Weight:
//
//	Out[r,c] = X[r,c] / sqrt(mean_c(X[r,c]²) + Eps) · Weight[c]
//
// X and Out are [R, C] float32, row-major; Weight is [1, C] float32. Out must not alias X.
// With Group > 0 each row is C/Group independent groups of Group columns. Weight is then [1, Group], the same for all (head-wise
// norm), or [1, C], its own for each (the grouped norm of Mamba-2).
// The sum of squares accumulates in float64 on fallback and float32 on gpu.
// Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, eq. 4.
type RMSNorm struct {
	X, Weight, Out Ref
	Group          int // columns of one group; 0: the whole row
	Eps            float32
}

func (RMSNorm) Stem() string    { return "rmsnorm" }
func (o RMSNorm) Reads() []Ref  { return refs(o.X, o.Weight) }
func (o RMSNorm) Writes() []Ref { return refs(o.Out) }

func (o RMSNorm) Check(p *Program) error {
	if o.X == 0 {
		return wantType(p, "X", 0)
	}
	x := p.At(o.X)
	width := x.Cols
	if o.Group > 0 {
		width = o.Group
	}
	if width < 1 || x.Cols%width != 0 {
		return fmt.Errorf("got groups of %d in %d columns, want a divisor", o.Group, x.Cols)
	}
	if !(o.Eps >= 0) {
		return fmt.Errorf("got eps %g, want at least 0", o.Eps)
	}
	if o.Weight != 0 && p.At(o.Weight).Cols == x.Cols {
		width = x.Cols
	}
	return checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantF32(p, "Out", o.Out, x.Rows, x.Cols),
		wantF32(p, "Weight", o.Weight, Rows(1), width), wantDistinct(o.Out, o.X, o.Weight))
}

func (o RMSNorm) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	n := int64(x.Rows.At(s.Sizes())) * int64(x.Cols)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Weight, o.Out), FLOPs: 4 * n}
}

func (o RMSNorm) Shape(p *Program) string { return widthOf(p, o.X) }
