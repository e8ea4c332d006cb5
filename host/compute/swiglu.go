package compute

// SwiGLU gates one projection by the SiLU of another, element by element:
//
//	Out[r,c] = silu(Gate[r,c]) · Up[r,c]      silu(x) = x / (1 + exp(−x))
//
// All are [R, C] float32, row-major. Out must not alias an input. Source: Shazeer, GLU Variants Improve Transformer, 2020.
type SwiGLU struct {
	Gate, Up, Out Ref
}

func (SwiGLU) Stem() string    { return "swiglu" }
func (o SwiGLU) Reads() []Ref  { return refs(o.Gate, o.Up) }
func (o SwiGLU) Writes() []Ref { return refs(o.Out) }

func (o SwiGLU) Check(p *Program) error { return checkPair(p, "Gate", "Up", o.Gate, o.Up, o.Out) }

func (o SwiGLU) Cost(p *Program, s *Step) Cost {
	g := p.At(o.Gate)
	n := int64(g.Rows.At(s.Sizes())) * int64(g.Cols)
	return Cost{Bytes: moved(p, s.Sizes(), o.Gate, o.Up, o.Out), FLOPs: 5 * n}
}

// checkPair checks an elementwise op of two inputs.
func checkPair(p *Program, nameA, nameB string, a, b, out Ref) error {
	if a == 0 {
		return wantType(p, nameA, 0)
	}
	t := p.At(a)
	return checks(wantF32(p, nameA, a, t.Rows, t.Cols), wantF32(p, nameB, b, t.Rows, t.Cols),
		wantF32(p, "Out", out, t.Rows, t.Cols), wantDistinct(out, a, b))
}

func (o SwiGLU) Shape(p *Program) string { return widthOf(p, o.Gate) }
