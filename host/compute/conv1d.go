package compute

import "fmt"

// maxKernel bounds the width of a convolution over time: published models have 3 or 4.
const maxKernel = 64

// Conv1D is a causal convolution over time, each column by itself:
//
//	Out[t,c] = f( Σ_{k<K} W[c,k] · x[t−K+1+k, c] + Bias[c] )      f(x) = x, or with SiLU x/(1+exp(−x))
//
// over the rows of t's sequence. Rows before the step's first come from State, which holds the last K−1 rows of each sequence, or
// are zero where the sequence begins with this step. X is [T, C] float32, W [C, K] float32, Bias [1, C] float32 or none, Out
// [T, C] float32; State is [NumStates, (K−1)·C] float32, rows in the order of time (Seq.StateIn is read, Seq.StateOut written).
// Out must not alias X. Accumulation is float64 on fallback, float32 on gpu.
// Source: Gu and Dao, Mamba, 2023, section 3.4.
type Conv1D struct {
	X, W, Bias, State, Out Ref
	SiLU                   bool
}

func (Conv1D) Stem() string    { return "conv1d" }
func (o Conv1D) Reads() []Ref  { return refs(o.X, o.W, o.Bias, o.State) }
func (o Conv1D) Writes() []Ref { return refs(o.State, o.Out) }

// Carries implements [Stateful].
func (o Conv1D) Carries() Ref { return o.State }

func (o Conv1D) Check(p *Program) error {
	if o.X == 0 || o.W == 0 {
		return fmt.Errorf("got tensors X %d and W %d, want both", o.X, o.W)
	}
	c, k := p.At(o.X).Cols, p.At(o.W).Cols
	if k < 2 || k > maxKernel || p.NumStates < 2 {
		return fmt.Errorf("got a kernel of %d and %d states, want 2 to %d and at least 2", k, p.NumStates, maxKernel)
	}
	if err := checks(wantF32(p, "X", o.X, PerToken(1), c), wantF32(p, "W", o.W, Rows(c), k), wantF32(p, "State", o.State, Rows(p.NumStates), (k-1)*c),
		wantF32(p, "Out", o.Out, PerToken(1), c), wantDistinct(o.Out, o.X, o.W, o.Bias, o.State)); err != nil {
		return err
	}
	if o.Bias != 0 {
		return wantF32(p, "Bias", o.Bias, Rows(1), c)
	}
	return nil
}

func (o Conv1D) Cost(p *Program, s *Step) Cost {
	t, c, k := int64(len(s.Tokens)), int64(p.At(o.X).Cols), int64(p.At(o.W).Cols)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.W, o.Bias, o.Out) + 8*int64(len(s.Seqs))*(k-1)*c, FLOPs: 2 * t * c * k}
}

func (o Conv1D) Shape(p *Program) string {
	return fmt.Sprintf("k%d %s", p.At(o.W).Cols, widthOf(p, o.X))
}
