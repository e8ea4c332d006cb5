package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Dot says how the rows of a format are multiplied as they are stored, in the instructions of a level.
type Dot uint8

const (
	NoDot    Dot = iota // not: they are decoded
	FloatDot            // by float32
	WordsDot            // by simd.Words, X rounded to sixteen bits
)

// DotOf is the form that a level has for a format.
func DotOf(l simd.Level, t compute.DType) Dot {
	if l == simd.Plain {
		return NoDot
	}
	switch t {
	case compute.F32, compute.F16, compute.BF16:
		return FloatDot
	case compute.Q8_0, compute.Q4_0, compute.IQ4_NL, compute.MXFP4, compute.Q4_K, compute.Q6_K:
		return WordsDot
	}
	return NoDot
}

// MultiplyFloats is Σ w[k]·x[k] with float32 sums in an order of its own. DotOf must say FloatDot.
func MultiplyFloats(t compute.DType, w []byte, x []float32) (sum float32) {
	n := len(x) &^ 31
	if n > 0 {
		switch t {
		case compute.F32:
			sum = simd.DotF32(w, x[:n])
		case compute.F16:
			sum = simd.DotF16(w, x[:n])
		case compute.BF16:
			sum = simd.DotBF16(w, x[:n])
		}
	}
	if rest := x[n:]; len(rest) > 0 {
		var last [31]float32
		formats[t].decode(last[:len(rest)], w[n*t.BlockBytes():])
		for k, v := range rest {
			sum += float32(v * last[k])
		}
	}
	return sum
}

// MultiplyWords is Σ w[k]·d·q[k], products of whole numbers summed exactly within blocks of 32 and in float32 beyond. DotOf must say
// WordsDot.
func MultiplyWords(l simd.Level, t compute.DType, w []byte, x *simd.Words) float32 {
	switch t {
	case compute.Q8_0:
		return l.DotQ8_0(w, x)
	case compute.Q4_0:
		return l.DotQ4_0(w, x)
	case compute.IQ4_NL:
		return l.DotIQ4_NL(w, x, &iq4Bytes)
	case compute.MXFP4:
		return l.DotMXFP4(w, x, &e2m1Bytes, &halfScales)
	case compute.Q4_K:
		return l.DotQ4_K(w, x)
	case compute.Q6_K:
		return l.DotQ6_K(w, x)
	}
	panic("BUG: quant: " + t.String() + " has no product of words")
}
