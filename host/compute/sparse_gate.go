package compute

import "fmt"

// SparseGate lets only those of a row's gates count that lie far above their mean:
//
//	Out[r,c] = Fn(max(X[r,c] − μ[r] − Cutoff·σ[r], 0)) · Up[r,c]      μ[r] = mean_c(X[r,c])      σ[r]² = mean_c((X[r,c] − μ[r])²)
//
// All are [R, C] float32, row-major; Out must not alias an input. Accumulators as in [LayerNorm]. Fn is none that needs an Up of its own kind
// ([ClampedSiLU]).
// Source: Google DeepMind, Gemma 3n, 2025 (activation sparsity).
type SparseGate struct {
	X, Up, Out Ref
	Cutoff     float32 // deviations
	Fn         Function
}

func (SparseGate) Stem() string    { return "sparse_gate" }
func (o SparseGate) Reads() []Ref  { return refs(o.X, o.Up) }
func (o SparseGate) Writes() []Ref { return refs(o.Out) }

func (o SparseGate) Check(p *Program) error {
	if o.Fn >= numFunctions || o.Fn == ClampedSiLU {
		return fmt.Errorf("got function %v", o.Fn)
	}
	if !(o.Cutoff >= 0 && o.Cutoff <= 100) {
		return fmt.Errorf("got a cutoff of %g deviations, want 0 to 100", o.Cutoff)
	}
	return checkPair(p, "X", "Up", o.X, o.Up, o.Out)
}

func (o SparseGate) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Up, o.Out), FLOPs: 12 * int64(x.Rows.At(s.Sizes())) * int64(x.Cols)}
}

func (o SparseGate) Shape(p *Program) string { return o.Fn.String() + " " + widthOf(p, o.X) }
