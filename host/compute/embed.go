package compute

import "fmt"

// Embed looks up the row of each token and scales it:
//
//	Out[t,c] = Scale · Table[Step.Tokens[t], c]
//
// Table is [VocabSize, C] in any weight format, decoded on the fly; Out is [T, C] float32 (C per token, row-major).
// Token ids are checked by Step.Check.
type Embed struct {
	Table, Out Ref
	Scale      float32 // 1 for most families
}

func (Embed) Stem() string    { return "embed" }
func (o Embed) Reads() []Ref  { return refs(o.Table) }
func (o Embed) Writes() []Ref { return refs(o.Out) }

func (o Embed) Check(p *Program) error {
	if o.Table == 0 {
		return wantType(p, "Table", 0)
	}
	t := p.At(o.Table)
	return checks(wantShape(p, "Table", o.Table, Rows(p.VocabSize), t.Cols), wantF32(p, "Out", o.Out, PerToken(1), t.Cols))
}

func (o Embed) Cost(p *Program, s *Step) Cost {
	row, _ := p.At(o.Table).DType.RowBytes(p.At(o.Table).Cols)
	return Cost{Bytes: row*int64(len(s.Tokens)) + moved(p, s.Sizes(), o.Out), FLOPs: 0}
}

func (o Embed) Shape(p *Program) string {
	t := p.At(o.Table)
	return fmt.Sprintf("%v %d×%d", t.DType, t.Rows.Fixed, t.Cols)
}
