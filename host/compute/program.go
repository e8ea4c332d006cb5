package compute

import (
	"errors"
	"fmt"
	"slices"
)

// Program is an ordered list of ops over tensors. Build it with the Declare and Add methods, then Check it once.
type Program struct {
	Name    string
	Tensors []Tensor // Tensors[0] is unused: the zero Ref is no tensor
	Instrs  []Instr
	// VocabSize and MaxPos bound the token ids and positions of a step; zero means unbounded.
	VocabSize, MaxPos int
	// PageSize and NumPages describe every paged KV tensor of the program: NumPages·PageSize rows. Zero: none is paged.
	PageSize, NumPages int
	// NumStates is the number of rows of every state tensor that is not paged: two for each sequence, three where one run takes several
	// steps of it. Zero: there is none.
	NumStates int
}

// Instr is one op with the label that reports show, such as blk.3.attn_norm.
type Instr struct {
	Label string
	Op    Op
}

// Op is one operation as data. Stem names its files everywhere: host/compute/STEM.go, fallback/STEM.go, shaders/STEM*.comp.
type Op interface {
	Stem() string
	// Check validates shapes, types and aliasing against the program's tensors.
	Check(*Program) error
	// Reads and Writes list the tensors touched, without the zero Ref.
	Reads() []Ref
	Writes() []Ref
	// Shape tells calls of one stem apart in reports: format and sizes, but not the step's.
	Shape(*Program) string
	// Cost is the work that cannot be avoided for a step.
	Cost(*Program, *Step) Cost
}

// Stateful is an op that carries a tensor of states, a row for each, from step to step.
type Stateful interface {
	Op
	Carries() Ref
}

var _ = []Stateful{Conv1D{}, SSMScan{}, DeltaRule{}}

// NewProgram makes an empty program.
func NewProgram(name string) *Program {
	return &Program{Name: name, Tensors: make([]Tensor, 1)}
}

// Declare adds a tensor and returns its name in the program.
func (p *Program) Declare(t Tensor) Ref {
	p.Tensors = append(p.Tensors, t)
	return Ref(len(p.Tensors) - 1)
}

// Scratch declares a float32 scratch tensor.
func (p *Program) Scratch(name string, rows Extent, cols int) Ref {
	return p.Declare(Tensor{Name: name, Role: Scratch, DType: F32, Rows: rows, Cols: cols})
}

// Add appends an op under a label.
func (p *Program) Add(label string, op Op) { p.Instrs = append(p.Instrs, Instr{label, op}) }

// At is the declaration of r. It panics on a Ref that is not of this program; Check finds those first.
func (p *Program) At(r Ref) *Tensor { return &p.Tensors[r] }

// Cost is the sum over all ops.
func (p *Program) Cost(s *Step) Cost {
	var c Cost
	for _, in := range p.Instrs {
		c = c.Add(in.Op.Cost(p, s))
	}
	return c
}

// CostOf is the sum over ops that run together: scratch tensors that pass inside them only need not be moved, and others that several of
// them read once.
func (p *Program) CostOf(ops []int, s *Step) Cost {
	var c Cost
	inside := make([]int, len(p.Tensors)) // whole reads of each tensor
	for _, i := range ops {
		c = c.Add(p.Instrs[i].Op.Cost(p, s))
		switch p.Instrs[i].Op.(type) {
		case TakeRows, Columns: // which read only some of a tensor
			continue
		}
		for _, r := range p.Instrs[i].Op.Reads() {
			inside[r]++
		}
	}
	written := make([]bool, len(p.Tensors))
	outside := make([]bool, len(p.Tensors))
	for i, in := range p.Instrs {
		of := slices.Contains(ops, i)
		for _, r := range in.Op.Reads() {
			outside[r] = outside[r] || !of
		}
		for _, r := range in.Op.Writes() {
			written[r] = written[r] || of
		}
	}
	for r := range p.Tensors {
		t := p.At(Ref(r))
		if t.Role != Scratch || r == 0 || inside[r] == 0 && !written[r] {
			continue
		}
		n, _ := t.Bytes(s.Sizes())
		switch {
		case written[r] && outside[r]:
			c.Bytes -= n * int64(inside[r]) // what was just made is at hand
		case written[r] && inside[r] > 0:
			c.Bytes -= n * int64(1+inside[r])
		case !written[r]:
			c.Bytes -= n * int64(max(inside[r]-1, 0))
		}
	}
	return c
}

// UnsupportedError says that a device lacks an op or a format.
type UnsupportedError struct {
	Device, Label, Stem, What string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: place %s (%s): %s", e.Device, e.Label, e.Stem, e.What)
}

// Check validates the whole program: tensors lie within their buffers, every op's shapes fit, scratch is written once and
// before it is read, weights are never written.
func (p *Program) Check() error {
	if (p.PageSize == 0) != (p.NumPages == 0) || p.PageSize < 0 || p.NumPages < 0 {
		return fmt.Errorf("compute: check %s: got %d pages of %d rows", p.Name, p.NumPages, p.PageSize)
	}
	for i := 1; i < len(p.Tensors); i++ {
		if err := p.Tensors[i].check(); err != nil {
			return fmt.Errorf("compute: check %s: tensor %d %q: %w", p.Name, i, p.Tensors[i].Name, err)
		}
	}
	written := make([]bool, len(p.Tensors))
	for i, in := range p.Instrs {
		if err := p.checkInstr(in, written); err != nil {
			return fmt.Errorf("compute: check %s: op %d %s: %w", p.Name, i, in.Label, err)
		}
	}
	return nil
}

func (p *Program) checkInstr(in Instr, written []bool) error {
	if in.Op == nil {
		return errors.New("no op")
	}
	for _, refs := range [][]Ref{in.Op.Reads(), in.Op.Writes()} {
		for _, r := range refs {
			if r < 1 || int(r) >= len(p.Tensors) {
				return fmt.Errorf("%s: got tensor %d, want 1 to %d", in.Op.Stem(), r, len(p.Tensors)-1)
			}
		}
	}
	if err := in.Op.Check(p); err != nil {
		return fmt.Errorf("%s: %w", in.Op.Stem(), err)
	}
	for _, r := range in.Op.Reads() {
		if t := p.At(r); (t.Role == Scratch || t.Role == Output) && !written[r] {
			return fmt.Errorf("%s: reads %s before it is written", in.Op.Stem(), t.Name)
		}
	}
	for _, r := range in.Op.Writes() {
		t := p.At(r)
		switch {
		case t.Role == Weight:
			return fmt.Errorf("%s: writes weight %s", in.Op.Stem(), t.Name)
		case t.Role != State && written[r]:
			return fmt.Errorf("%s: writes %s a second time", in.Op.Stem(), t.Name)
		}
		written[r] = true
	}
	return nil
}

func (t *Tensor) check() error {
	if t.Role < Weight || t.Role > Output {
		return errors.New("no role")
	}
	if t.Cols < 1 || t.Rows.Fixed < 0 || t.Rows.PerToken < 0 || t.Rows.PerOutput < 0 || t.Rows == (Extent{}) {
		return fmt.Errorf("got shape [%v, %d], want at least one row and column", t.Rows, t.Cols)
	}
	size, err := t.Bytes(Sizes{})
	if err != nil {
		return err
	}
	if t.Role == Scratch || t.Role == Output {
		if t.Buffer != nil {
			return fmt.Errorf("got a buffer for a %v tensor", t.Role)
		}
		return nil
	}
	switch {
	case t.Rows.PerToken != 0 || t.Rows.PerOutput != 0:
		return fmt.Errorf("got %v rows, want a fixed number for a %v tensor", t.Rows, t.Role)
	case t.Buffer == nil:
		return fmt.Errorf("got no buffer for a %v tensor", t.Role)
	case t.Offset < 0 || t.Offset > t.Buffer.Size() || size > t.Buffer.Size()-t.Offset:
		return fmt.Errorf("bytes %d+%d: want within the %d bytes of buffer %q", t.Offset, size, t.Buffer.Size(), t.Buffer.Name())
	}
	return nil
}
