package compute

import "fmt"

// Mix sums the rows of each token, weighted:
//
//	Out[t,c] = Σ_j Weights[t,j] · X[t·U+j, c]
//
// for j of U used experts, ascending. X is [T·U, C] float32, Weights [T, U] float32 as [Route] writes it, Out [T, C] float32,
// row-major; Out aliases neither. With U = 1 it scales each row. Accumulators as in [MatMul].
type Mix struct {
	X, Weights, Out Ref
}

func (Mix) Stem() string    { return "mix" }
func (o Mix) Reads() []Ref  { return refs(o.X, o.Weights) }
func (o Mix) Writes() []Ref { return refs(o.Out) }

func (o Mix) Check(p *Program) error {
	if o.X == 0 || o.Weights == 0 {
		return fmt.Errorf("got tensors X %d and Weights %d, want both", o.X, o.Weights)
	}
	used, cols := p.At(o.Weights).Cols, p.At(o.X).Cols
	return checks(wantF32(p, "X", o.X, PerToken(used), cols), wantF32(p, "Weights", o.Weights, PerToken(1), used),
		wantF32(p, "Out", o.Out, PerToken(1), cols), wantDistinct(o.Out, o.X, o.Weights))
}

func (o Mix) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Weights, o.Out), FLOPs: 2 * int64(x.Rows.At(s.Sizes())) * int64(x.Cols)}
}

func (o Mix) Shape(p *Program) string {
	return fmt.Sprintf("%d × %s", p.At(o.Weights).Cols, widthOf(p, o.X))
}
