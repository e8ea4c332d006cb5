package compute

import "fmt"

// Columns puts columns of two tensors side by side, in each of several groups of columns by itself:
//
//	Out[r,g,:] = A[r, g, FromA : FromA+NumA] ++ B[r, g, FromB : FromB+NumB]
//
// for g of Groups equal groups: heads, mostly. A is [R, Groups·a] float32, B [R, Groups·b] float32 or none (then NumB is 0, and
// Out a part of A), Out [R, Groups·(NumA+NumB)] float32, row-major. Out aliases neither. Values are moved bit by bit.
type Columns struct {
	A, B, Out                Ref
	Groups                   int
	FromA, NumA, FromB, NumB int
}

func (Columns) Stem() string    { return "columns" }
func (o Columns) Reads() []Ref  { return refs(o.A, o.B) }
func (o Columns) Writes() []Ref { return refs(o.Out) }

func (o Columns) Check(p *Program) error {
	if o.A == 0 {
		return wantType(p, "A", 0)
	}
	if o.Groups < 1 {
		return fmt.Errorf("got %d groups, want at least 1", o.Groups)
	}
	part := func(name string, r Ref, from, num int) error {
		if r == 0 {
			if num != 0 || from != 0 {
				return fmt.Errorf("got %d columns of %s, which is none", num, name)
			}
			return nil
		}
		cols := p.At(r).Cols
		if num < 1 || from < 0 || cols%o.Groups != 0 || from > cols/o.Groups-num {
			return fmt.Errorf("got columns %d+%d of %s, want within %d columns in %d groups", from, num, name, cols, o.Groups)
		}
		return wantF32(p, name, r, p.At(o.A).Rows, cols)
	}
	return checks(part("A", o.A, o.FromA, o.NumA), part("B", o.B, o.FromB, o.NumB),
		wantF32(p, "Out", o.Out, p.At(o.A).Rows, o.Groups*(o.NumA+o.NumB)), wantDistinct(o.Out, o.A, o.B))
}

func (o Columns) Cost(p *Program, s *Step) Cost {
	return Cost{Bytes: 2 * moved(p, s.Sizes(), o.Out)}
}

func (o Columns) Shape(p *Program) string {
	return fmt.Sprintf("%d × (%d+%d)", o.Groups, o.NumA, o.NumB)
}
