package compute

import "fmt"

// Mix sums the rows of each token, weighted:
//
//	Out[t,c] = Σ_j Weights[t,j] · X[t·U+j, c]
//
// for j of U used experts, ascending. X is [T·U, C] float32, Weights [T, U] float32 as [Route] writes it or none, where all are 1, Out
// [T, C] float32, row-major; Out aliases neither. With U = 1 it scales each row. Accumulators as in [MatMul].
//
// With Streams = U > 0 it makes N sums of the U streams that lie side by side in each row of X, [T, U·C]: Weights is [T, N·U] and
// Out [T, N·C], or [T·N, C], which is the same in memory,
//
//	Out[t, n·C+c] = Σ_j Weights[t, n·U+j] · X[t, j·C+c]
//
// With one stream and Out [T·N, C] it is a row for each of N experts, weighted: what experts read that weigh their inputs.
// Source of the streams: Baykal et al., Alternating Updates for Efficient Transformers, 2023.
type Mix struct {
	X, Weights, Out Ref
	Streams         int
}

func (Mix) Stem() string    { return "mix" }
func (o Mix) Reads() []Ref  { return refs(o.X, o.Weights) }
func (o Mix) Writes() []Ref { return refs(o.Out) }

func (o Mix) Check(p *Program) error {
	if o.X == 0 || o.Weights == 0 && o.Streams != 0 {
		return fmt.Errorf("got tensors X %d and Weights %d, want both", o.X, o.Weights)
	}
	used, cols := o.Used(p), p.At(o.X).Cols
	if u := o.Streams; u != 0 {
		if u < 0 || used%u != 0 || cols%u != 0 {
			return fmt.Errorf("got %d streams in %d columns with %d weights, want a divisor", u, cols, used)
		}
		n := used / u
		rows, width := PerToken(1), n*(cols/u)
		if o.Out != 0 && p.At(o.Out).Rows == PerToken(n) {
			rows, width = PerToken(n), cols/u
		}
		return checks(wantF32(p, "X", o.X, PerToken(1), cols), wantF32(p, "Weights", o.Weights, PerToken(1), used),
			wantF32(p, "Out", o.Out, rows, width), wantDistinct(o.Out, o.X, o.Weights))
	}
	if o.Weights == 0 {
		return checks(wantF32(p, "X", o.X, PerToken(used), cols), wantF32(p, "Out", o.Out, PerToken(1), cols), wantDistinct(o.Out, o.X))
	}
	return checks(wantF32(p, "X", o.X, PerToken(used), cols), wantF32(p, "Weights", o.Weights, PerToken(1), used),
		wantF32(p, "Out", o.Out, PerToken(1), cols), wantDistinct(o.Out, o.X, o.Weights))
}

// Used is the number of weights of a token, or of rows where there are none.
func (o Mix) Used(p *Program) int {
	if o.Weights == 0 {
		return p.At(o.X).Rows.PerToken
	}
	return p.At(o.Weights).Cols
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
	return fmt.Sprintf("%d × %s", o.Used(p), widthOf(p, o.X))
}
