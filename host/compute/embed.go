package compute

import "fmt"

// Embed looks up the row of each token and scales it:
//
//	Out[t,c] = Scale · Table[Step.Tokens[t], c]
//
// Table is [VocabSize, C] in any weight format, decoded on the fly; Out is [T, C] float32 (C per token, row-major).
// With Positions it looks up Step.Pos[t] instead, in a table of at least MaxPos rows: learned positions. Ids and positions
// are checked by Step.Check. Source of learned positions: Radford et al., Improving Language Understanding, 2018, section 3.
type Embed struct {
	Table, Out Ref
	Scale      float32 // 1 for most families
	Positions  bool
}

func (Embed) Stem() string    { return "embed" }
func (o Embed) Reads() []Ref  { return refs(o.Table) }
func (o Embed) Writes() []Ref { return refs(o.Out) }

func (o Embed) Check(p *Program) error {
	if o.Table == 0 {
		return wantType(p, "Table", 0)
	}
	t := p.At(o.Table)
	rows := Rows(p.VocabSize)
	if o.Positions {
		if rows = t.Rows; rows.Fixed < p.MaxPos || p.MaxPos < 1 {
			return fmt.Errorf("got a table of %d positions, want at least the program's %d", rows.Fixed, p.MaxPos)
		}
	}
	return checks(wantShape(p, "Table", o.Table, rows, t.Cols), wantF32(p, "Out", o.Out, PerToken(1), t.Cols))
}

func (o Embed) Cost(p *Program, s *Step) Cost {
	row, _ := p.At(o.Table).DType.RowBytes(p.At(o.Table).Cols)
	return Cost{Bytes: row*int64(len(s.Tokens)) + moved(p, s.Sizes(), o.Out), FLOPs: 0}
}

func (o Embed) Shape(p *Program) string {
	t := p.At(o.Table)
	return fmt.Sprintf("%v %d×%d", t.DType, t.Rows.Fixed, t.Cols)
}
