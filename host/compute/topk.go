package compute

import "fmt"

// TopK picks the K largest elements of each row, so that a sampler need not see the others:
//
//	Out[r,j] = X[r,c_j]      Out[r,K+j] = c_j      with X[r,c_0] ≥ X[r,c_1] ≥ …
//
// Of equals the lower column comes first; NaN counts as larger than all numbers, so that it is seen. X is [R, C] float32, Out [R, 2K]
// float32: K values, then their columns as whole numbers. Out must not alias X. Nothing is rounded.
type TopK struct {
	X, Out Ref
	K      int // 1 to MaxTopK, at most C
}

const (
	// MaxTopK bounds TopK.K: what a workgroup sorts in shared memory.
	MaxTopK = 256
	// maxTopKCols bounds the columns: float32 has all whole numbers up to there.
	maxTopKCols = 1 << 24
)

func (TopK) Stem() string    { return "topk" }
func (o TopK) Reads() []Ref  { return refs(o.X) }
func (o TopK) Writes() []Ref { return refs(o.Out) }

func (o TopK) Check(p *Program) error {
	if o.X == 0 {
		return wantType(p, "X", 0)
	}
	x := p.At(o.X)
	if o.K < 1 || o.K > min(MaxTopK, x.Cols) || x.Cols > maxTopKCols {
		return fmt.Errorf("got the largest %d of %d columns, want 1 to %d of at most %d", o.K, x.Cols, min(MaxTopK, x.Cols), maxTopKCols)
	}
	return checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantF32(p, "Out", o.Out, x.Rows, 2*o.K), wantDistinct(o.Out, o.X))
}

func (o TopK) Cost(p *Program, s *Step) Cost { return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Out)} }

func (o TopK) Shape(p *Program) string { return fmt.Sprintf("%s k%d", widthOf(p, o.X), o.K) }
