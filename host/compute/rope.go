package compute

import "fmt"

// Pairing is which two elements of a head RoPE rotates together.
type Pairing uint8

const (
	// Adjacent rotates elements 2i and 2i+1 (the paper's form; GGUF files of the llama architecture).
	Adjacent Pairing = iota
	// Halves rotates elements i and i+RotDim/2 (GPT-NeoX; most Hugging Face checkpoints).
	Halves
)

func (p Pairing) String() string { return [...]string{"adjacent", "halves"}[min(int(p), 1)] }

// RoPE rotates the first RotDim elements of every head by angles that depend on the row's position:
//
//	(a, b) → (a·cos − b·sin, a·sin + b·cos)      with (cos, sin) = Table[Step.Pos[t], i]
//
// for pair i of RotDim/2; the other elements are copied. X and Out are [T, NumHeads·HeadDim] float32. Table is
// [MaxPos, RotDim] float32: cos and sin of pair i at columns 2i and 2i+1, made on the host in float64 with all scalings
// baked in, because a device's own sine may be off by 2⁻¹¹. Out must not alias X.
// With Long, rows of sequences of more than LongFrom keys (Seq.Keys) take their angles from Long, a table like Table (LongRoPE).
// Source: Su et al., RoFormer, 2021, section 3.4.2; Ding et al., LongRoPE, 2024, section 3.3; Vulkan specification, precision
// of sin and cos.
type RoPE struct {
	X, Table, Out     Ref
	NumHeads, HeadDim int
	RotDim            int // even, at most HeadDim
	Pairing           Pairing
	Long              Ref // or none
	LongFrom          int // keys
}

func (RoPE) Stem() string    { return "rope" }
func (o RoPE) Reads() []Ref  { return refs(o.X, o.Table, o.Long) }
func (o RoPE) Writes() []Ref { return refs(o.Out) }

func (o RoPE) Check(p *Program) error {
	if o.NumHeads < 1 || o.HeadDim < 1 || o.RotDim < 2 || o.RotDim%2 != 0 || o.RotDim > o.HeadDim {
		return fmt.Errorf("got %d heads of %d with %d rotated, want an even part of each head", o.NumHeads, o.HeadDim, o.RotDim)
	}
	if p.MaxPos < 1 {
		return fmt.Errorf("got a program without MaxPos, want the table's rows")
	}
	if o.Pairing > Halves {
		return fmt.Errorf("got pairing %d", o.Pairing)
	}
	cols := o.NumHeads * o.HeadDim
	if o.Long != 0 {
		if err := wantF32(p, "Long", o.Long, Rows(p.MaxPos), o.RotDim); err != nil {
			return err
		}
	}
	return checks(wantF32(p, "X", o.X, PerToken(1), cols), wantF32(p, "Out", o.Out, PerToken(1), cols),
		wantF32(p, "Table", o.Table, Rows(p.MaxPos), o.RotDim), wantDistinct(o.Out, o.X, o.Table, o.Long))
}

func (o RoPE) Cost(p *Program, s *Step) Cost {
	t := int64(len(s.Tokens))
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Out) + 4*t*int64(o.RotDim), FLOPs: 3 * t * int64(o.NumHeads*o.RotDim)}
}

func (o RoPE) Shape(*Program) string { return fmt.Sprintf("h%d d%d", o.NumHeads, o.HeadDim) }
