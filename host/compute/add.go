package compute

// Add sums two tensors, the residual connection:
//
//	Out[r,c] = A[r,c] + B[r,c]
//
// All are [R, C] float32, row-major; B may be [1, C] and is then added to every row. Out must not alias an input.
type Add struct {
	A, B, Out Ref
}

func (Add) Stem() string    { return "add" }
func (o Add) Reads() []Ref  { return refs(o.A, o.B) }
func (o Add) Writes() []Ref { return refs(o.Out) }

func (o Add) Check(p *Program) error {
	if !o.OneRow(p) {
		return checkPair(p, "A", "B", o.A, o.B, o.Out)
	}
	a := p.At(o.A)
	return checks(wantF32(p, "A", o.A, a.Rows, a.Cols), wantF32(p, "B", o.B, Rows(1), a.Cols), wantF32(p, "Out", o.Out, a.Rows, a.Cols), wantDistinct(o.Out, o.A, o.B))
}

// OneRow reports whether B is one row for all of A.
func (o Add) OneRow(p *Program) bool {
	return o.A != 0 && o.B != 0 && p.At(o.B).Rows == Rows(1) && p.At(o.A).Rows != Rows(1)
}

func (o Add) Cost(p *Program, s *Step) Cost {
	a := p.At(o.A)
	return Cost{Bytes: moved(p, s.Sizes(), o.A, o.B, o.Out), FLOPs: int64(a.Rows.At(s.Sizes())) * int64(a.Cols)}
}

func (o Add) Shape(p *Program) string { return widthOf(p, o.A) }
