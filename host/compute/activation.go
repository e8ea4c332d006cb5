package compute

import "fmt"

// Function is an activation function.
type Function uint8

const (
	// SiLU is x / (1 + exp(−x)). Source: Elfwing et al., Sigmoid-weighted linear units, 2017.
	SiLU Function = iota
	// GELU is x/2 · (1 + erf(x/√2)). Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2.
	GELU
	// GELUTanh is x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))), the same paper's approximation.
	GELUTanh
	// ReLU is max(x, 0).
	ReLU
	// ReLU2 is max(x, 0)². Source: So et al., Primer, 2021, section 4.
	ReLU2
	// Sigmoid is 1 / (1 + exp(−x)).
	Sigmoid
	// Tanh is the hyperbolic tangent.
	Tanh
	// ClampedSiLU is g/(1 + exp(−1.702·g)) with g = min(x, 7), for gates whose Up is clamped to [−7, 7] and raised by one:
	// the gate of gpt-oss. It needs an Up.
	ClampedSiLU
	// Identity is x: with Up, a product.
	Identity
	numFunctions
)

func (f Function) String() string {
	return [...]string{"silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid", "tanh", "clamped_silu", "identity", "none"}[min(f, numFunctions)]
}

// Activation applies a function to every element, and with Up multiplies by it:
//
//	Out[r,c] = Fn(X[r,c])      or      Out[r,c] = Fn(X[r,c]) · Up[r,c]      (ClampedSiLU: · (clamp(Up[r,c], −7, 7) + 1))
//
// All are [R, C] float32, row-major. Out must not alias an input. SiLU with Up is [SwiGLU], which devices can fuse.
// Source of the gated forms: Shazeer, GLU Variants Improve Transformer, 2020.
type Activation struct {
	X, Up, Out Ref // Up may be none, or one row for all of X
	Fn         Function
}

func (Activation) Stem() string    { return "activation" }
func (o Activation) Reads() []Ref  { return refs(o.X, o.Up) }
func (o Activation) Writes() []Ref { return refs(o.Out) }

func (o Activation) Check(p *Program) error {
	if o.Fn >= numFunctions || o.Fn == ClampedSiLU && o.Up == 0 {
		return fmt.Errorf("got function %v with Up %d", o.Fn, o.Up)
	}
	if o.OneRow(p) {
		x := p.At(o.X)
		return checks(wantF32(p, "X", o.X, x.Rows, x.Cols), wantF32(p, "Up", o.Up, Rows(1), x.Cols), wantF32(p, "Out", o.Out, x.Rows, x.Cols),
			wantDistinct(o.Out, o.X, o.Up))
	}
	if o.Up != 0 {
		return checkPair(p, "X", "Up", o.X, o.Up, o.Out)
	}
	return checkPair(p, "X", "X", o.X, o.X, o.Out)
}

// OneRow reports whether Up is one row for all of X.
func (o Activation) OneRow(p *Program) bool {
	return o.X != 0 && o.Up != 0 && p.At(o.Up).Rows == Rows(1) && p.At(o.X).Rows != Rows(1)
}

func (o Activation) Cost(p *Program, s *Step) Cost {
	x := p.At(o.X)
	return Cost{Bytes: moved(p, s.Sizes(), o.X, o.Up, o.Out), FLOPs: 6 * int64(x.Rows.At(s.Sizes())) * int64(x.Cols)}
}

func (o Activation) Shape(p *Program) string { return o.Fn.String() + " " + widthOf(p, o.X) }
