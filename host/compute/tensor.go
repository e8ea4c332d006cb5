package compute

import "fmt"

// Ref names a tensor of a [Program]. The zero Ref is no tensor, for optional arguments.
type Ref int32

// Role says who writes a tensor and how long it lives.
type Role uint8

const (
	// Weight is written before the first run and never by a program.
	Weight Role = iota + 1
	// State outlives a run and is read and written by programs: the KV cache.
	State
	// Scratch is written once per run, by one op; the device plans where it lies.
	Scratch
	// Output is scratch that the host reads after a run; the device keeps it where that is cheap.
	Output
)

func (r Role) String() string {
	return [...]string{"none", "weight", "state", "scratch", "output"}[min(int(r), 4)]
}

// Extent is a number of rows that may depend on the step: Fixed + PerToken·tokens + PerOutput·outputs.
type Extent struct{ Fixed, PerToken, PerOutput int }

// Sizes are the step's numbers that extents depend on.
type Sizes struct {
	Tokens  int // rows of the batch
	Outputs int // rows that the host asked logits of
}

// Rows is an extent of n rows whatever the step.
func Rows(n int) Extent { return Extent{Fixed: n} }

// PerToken is an extent of n rows for each token of the step.
func PerToken(n int) Extent { return Extent{PerToken: n} }

// PerOutput is an extent of n rows for each output row of the step.
func PerOutput(n int) Extent { return Extent{PerOutput: n} }

// At is the number of rows for a step of these sizes.
func (e Extent) At(s Sizes) int { return e.Fixed + e.PerToken*s.Tokens + e.PerOutput*s.Outputs }

func (e Extent) String() string {
	switch {
	case e.PerToken == 0 && e.PerOutput == 0:
		return fmt.Sprint(e.Fixed)
	case e.Fixed == 0 && e.PerOutput == 0:
		return fmt.Sprintf("%dT", e.PerToken)
	case e.Fixed == 0 && e.PerToken == 0:
		return fmt.Sprintf("%dO", e.PerOutput)
	}
	return fmt.Sprintf("%d+%dT+%dO", e.Fixed, e.PerToken, e.PerOutput)
}

// Tensor declares one tensor of a program: a row-major [Rows, Cols] matrix. A weight or state tensor lies in Buffer from
// byte Offset on; scratch and output tensors have no buffer of their own.
type Tensor struct {
	Name   string
	Role   Role
	DType  DType
	Rows   Extent
	Cols   int // elements
	Buffer Buffer
	Offset int64 // bytes
}

// Bytes is the tensor's size for a step of these sizes.
func (t Tensor) Bytes(s Sizes) (int64, error) { return t.DType.Bytes(t.Rows.At(s), t.Cols) }

func (t Tensor) String() string {
	return fmt.Sprintf("%s [%v, %d] %v", t.Name, t.Rows, t.Cols, t.DType)
}
