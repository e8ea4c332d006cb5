package compute

import "fmt"

// Mix sums the rows of each token, weighted:
//
//	Out[t,c] = Σ_j Weights[t,j] · X[t·U+j, c]
//
// for j of U used experts, ascending. X is [T·U, C] float32, Weights [T, U] float32 as [Route] writes it, Out [T, C] float32,
// row-major; Out aliases neither. With U = 1 it scales each row. Accumulators as in [MatMul].
//
// With Streams = U > 0 it makes N sums of the U streams that lie side by side in each row of X, [T, U·C]: Weights is [T, N·U] and
// Out [T, N·C],
//
//	Out[t, n·C+c] = Σ_j Weights[t, n·U+j] · X[t, j·C+c]
//
// Source of the streams: Baykal et al., Alternating Updates for Efficient Transformers, 2023.
type Mix struct {
	X, Weights, Out Ref
	Streams         int
}

func (Mix) Stem() string    { return "mix" }
func (o Mix) Reads() []Ref  { return refs(o.X, o.Weights) }
func (o Mix) Writes() []Ref { return refs(o.Out) }

func (o Mix) Check(p *Program) error {
	if o.X == 0 || o.Weights == 0 {
		return fmt.Errorf("got tensors X %d and Weights %d, want both", o.X, o.Weights)
	}
	used, cols := p.At(o.Weights).Cols, p.At(o.X).Cols
	if u := o.Streams; u != 0 {
		if u < 0 || used%u != 0 || cols%u != 0 {
			return fmt.Errorf("got %d streams in %d columns with %d weights, want a divisor", u, cols, used)
		}
		return checks(wantF32(p, "X", o.X, PerToken(1), cols), wantF32(p, "Weights", o.Weights, PerToken(1), used),
			wantF32(p, "Out", o.Out, PerToken(1), used/u*(cols/u)), wantDistinct(o.Out, o.X, o.Weights))
	}
	return checks(wantF32(p, "X", o.X, PerToken(used), cols), wantF32(p, "Weights", o.Weights, PerToken(1), used),
		wantF32(p, "Out", o.Out, PerToken(1), cols), wantDistinct(o.Out, o.X, o.Weights))
}

func (o Mix) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Weights, o.Out), FLOPs: 2 * int64(x.Rows.At(s.Sizes())) * int64(x.Cols) * int64(o.Sums(p))}
}

// Sums is N, the number of sums of each token.
func (o Mix) Sums(p *Program) int {
	if o.Streams == 0 {
		return 1
	}
	return p.At(o.Weights).Cols / o.Streams
}

func (o Mix) Shape(p *Program) string {
	return fmt.Sprintf("%d × %s", p.At(o.Weights).Cols, widthOf(p, o.X))
}
