package compute

// TakeRows picks the rows that the host asked logits of, so that the last norm and the output matrix run on those only:
//
//	Out[o,c] = X[Step.Outputs[o], c]
//
// X is [T, C] float32, Out [O, C] float32; Out must not alias X.
type TakeRows struct {
	X, Out Ref
}

func (TakeRows) Stem() string    { return "takerows" }
func (o TakeRows) Reads() []Ref  { return refs(o.X) }
func (o TakeRows) Writes() []Ref { return refs(o.Out) }

func (o TakeRows) Check(p *Program) error {
	if o.X == 0 {
		return wantType(p, "X", 0)
	}
	c := p.At(o.X).Cols
	return checks(wantF32(p, "X", o.X, PerToken(1), c), wantF32(p, "Out", o.Out, PerOutput(1), c), wantDistinct(o.Out, o.X))
}

func (o TakeRows) Cost(p *Program, s *Step) Cost {
	return Cost{Bytes: 2 * moved(p, s.Sizes(), o.Out)}
}

func (o TakeRows) Shape(p *Program) string { return widthOf(p, o.X) }
