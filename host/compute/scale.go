package compute

import "fmt"

// Scale multiplies by a constant and may cap the result softly:
//
//	Out[r,c] = Factor · X[r,c]      or      Out[r,c] = Cap · tanh(Factor · X[r,c] / Cap)
//
// X and Out are [R, C] float32, row-major. Out must not alias X.
// Source of the cap: Gemma Team, Gemma 2, 2024, section 2.
type Scale struct {
	X, Out Ref
	Factor float32
	Cap    float32 // 0: none
}

func (Scale) Stem() string    { return "scale" }
func (o Scale) Reads() []Ref  { return refs(o.X) }
func (o Scale) Writes() []Ref { return refs(o.Out) }

func (o Scale) Check(p *Program) error {
	if !(o.Cap >= 0) || o.Factor != o.Factor {
		return fmt.Errorf("got factor %g and cap %g, want a number and at least 0", o.Factor, o.Cap)
	}
	return checkPair(p, "X", "X", o.X, o.X, o.Out)
}

func (o Scale) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Out), FLOPs: int64(x.Rows.At(s.Sizes())) * int64(x.Cols)}
}

func (o Scale) Shape(p *Program) string { return widthOf(p, o.X) }
