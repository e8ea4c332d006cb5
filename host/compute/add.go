package compute

// Add sums two tensors, the residual connection:
//
//	Out[r,c] = A[r,c] + B[r,c]
//
// All are [R, C] float32, row-major. Out must not alias an input.
type Add struct {
	A, B, Out Ref
}

func (Add) Stem() string    { return "add" }
func (o Add) Reads() []Ref  { return refs(o.A, o.B) }
func (o Add) Writes() []Ref { return refs(o.Out) }

func (o Add) Check(p *Program) error { return checkPair(p, "A", "B", o.A, o.B, o.Out) }

func (o Add) Cost(p *Program, s *Step) Cost {
	a := p.At(o.A)
	return Cost{Bytes: moved(p, s.Sizes(), o.A, o.B, o.Out), FLOPs: int64(a.Rows.At(s.Sizes())) * int64(a.Cols)}
}

func (o Add) Shape(p *Program) string { return widthOf(p, o.A) }
