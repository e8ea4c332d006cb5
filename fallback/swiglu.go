package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// swiglu runs compute.SwiGLU: one unit per chunk of rows.
type swiglu struct {
	op            compute.SwiGLU
	gate, up, out *tensor
	rows, chunk   int
	level         simd.Level
	fast          bool // in float32, where the level is above Plain
}

func (k *swiglu) begin(s *compute.Step) int {
	k.rows = k.gate.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 32*k.gate.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *swiglu) unit(_ *worker, i int) {
	lo, hi := i*k.chunk, min((i+1)*k.chunk, k.rows)
	gate, up, out := k.gate.floats(lo, hi), k.up.floats(lo, hi), k.out.floats(lo, hi)
	if k.fast && k.level > simd.Plain {
		k.level.SwiGLU(out, gate, up)
		return
	}
	k.level.ExactSwiGLU(out, gate, up)
}

// silu is x/(1+exp(−x)); for very negative x exp overflows to infinity and the quotient is the correct −0.
func silu(x float64) float64 { return x / (1 + math.Exp(-x)) }
