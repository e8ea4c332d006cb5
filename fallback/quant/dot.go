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
	BytesDot            // by simd.Bytes, X rounded to eight bits
)

// DotOf is the form that a level has for a format.
func DotOf(l simd.Level, t compute.DType) Dot {
	switch t {
	case compute.F32, compute.F16, compute.BF16:
		if l > simd.Plain {
			return FloatDot
		}
		return NoDot
	}
	bytes, ofBytes := byteDots[t]
	_, words := wordDots[t]
	switch {
	case ofBytes && (l >= simd.VNNI || l == simd.NEON && simd.HasSDOT && bytes.sdot):
		return BytesDot
	case words && l >= simd.AVX2:
		return WordsDot
	}
	return NoDot
}

// byteDot is the product of rows by bytes.
type byteDot struct {
	order    simd.Order // in which amd64 takes them
	sdot     bool       // arm64 has it too
	multiply func(w []byte, x *simd.Bytes, out []float32)
}

var byteDots = map[compute.DType]byteDot{
	compute.Q8_0:   {simd.InOrder, true, simd.BytesQ8_0},
	compute.Q4_0:   {simd.Halves, true, simd.BytesQ4_0},
	compute.Q4_1:   {simd.Halves, false, simd.BytesQ4_1},
	compute.Q5_0:   {simd.Halves, false, simd.BytesQ5_0},
	compute.Q5_1:   {simd.Halves, false, simd.BytesQ5_1},
	compute.IQ4_NL: {simd.Halves, true, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesIQ4_NL(w, x, out, &iq4Bytes) }},
	compute.MXFP4:  {simd.Halves, false, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesMXFP4(w, x, out, &e2m1Bytes) }},
	compute.Q2_K:   {simd.InOrder, false, simd.BytesQ2_K},
	compute.Q3_K:   {simd.InOrder, false, simd.BytesQ3_K},
	compute.Q4_K:   {simd.Crossed, true, simd.BytesQ4_K},
	compute.Q5_K:   {simd.Crossed, false, simd.BytesQ5_K},
	compute.Q6_K:   {simd.InOrder, true, simd.BytesQ6_K},
	compute.IQ4_XS: {simd.Halves, false, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesIQ4_XS(w, x, out, &iq4Bytes) }},
}

var wordDots = map[compute.DType]func(l simd.Level, w []byte, x *simd.Words) float32{
	compute.Q8_0:   simd.Level.DotQ8_0,
	compute.Q4_0:   simd.Level.DotQ4_0,
	compute.IQ4_NL: func(l simd.Level, w []byte, x *simd.Words) float32 { return l.DotIQ4_NL(w, x, &iq4Bytes) },
	compute.MXFP4: func(l simd.Level, w []byte, x *simd.Words) float32 {
		return l.DotMXFP4(w, x, &e2m1Bytes, &halfScales)
	},
	compute.Q4_K: simd.Level.DotQ4_K,
	compute.Q6_K: simd.Level.DotQ6_K,
}

// The products take rows of weights that lie one behind the other: out[r] = Σ w[r][k]·x[k], with float32 sums in an order of their own.

// MultiplyFloats is for what DotOf calls FloatDot.
func MultiplyFloats(l simd.Level, t compute.DType, w []byte, x, out []float32) {
	n := len(x) &^ 31
	if n == len(x) && n > 0 {
		dotFloats(l, t, w, x, out)
		return
	}
	size := t.BlockBytes()
	for r := range out {
		row := w[r*len(x)*size:]
		out[r] = 0
		if n > 0 {
			dotFloats(l, t, row, x[:n], out[r:r+1])
		}
		var last [31]float32
		rest := x[n:]
		formats[t].decode(last[:len(rest)], row[n*size:])
		for k, v := range rest {
			out[r] += float32(v * last[k])
		}
	}
}

func dotFloats(l simd.Level, t compute.DType, w []byte, x, out []float32) {
	switch t {
	case compute.F32:
		l.DotF32(w, x, out)
	case compute.F16:
		l.DotF16(w, x, out)
	case compute.BF16:
		l.DotBF16(w, x, out)
	default:
		panic("BUG: quant: " + t.String() + " has no product of float32")
	}
}

// MultiplyWords is for what DotOf calls WordsDot: products of whole numbers are summed exactly within blocks of 32.
func MultiplyWords(l simd.Level, t compute.DType, w []byte, x *simd.Words, out []float32) {
	row := len(w) / len(out)
	for r := range out {
		out[r] = wordDots[t](l, w[r*row:(r+1)*row], x)
	}
}

// SetBytes rounds X for MultiplyBytes by rows of a format.
func SetBytes(l simd.Level, t compute.DType, b *simd.Bytes, x []float32) {
	order := byteDots[t].order
	if l == simd.NEON {
		order = simd.InOrder
	}
	b.Set(l, x, order)
}

// MultiplyBytes is for what DotOf calls BytesDot: products of whole numbers are summed exactly within blocks of 16 or 32.
func MultiplyBytes(t compute.DType, w []byte, x *simd.Bytes, out []float32) {
	byteDots[t].multiply(w, x, out)
}
