package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// Dot says how the rows of a format are multiplied as they are stored, in the instructions of a level.
type Dot uint8

const (
	NoDot       Dot = iota // not: they are decoded
	FloatDot               // by float32
	BytesDot               // by simd.Bytes, X rounded to pairs of signed bytes
	UnpackedDot            // by simd.Bytes as well, brought to bytes first: whole numbers, scales and minima
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
	_, bytes := byteDots[t]
	switch {
	case bytes && l >= simd.VNNI:
		return BytesDot
	case unpacks(l, t):
		return UnpackedDot
	}
	return NoDot
}

// byteDot is the product of rows by bytes.
type byteDot struct {
	order    simd.Order
	multiply func(w []byte, x *simd.Bytes, out []float32)
}

var byteDots = map[compute.DType]byteDot{
	compute.Q8_0:   {simd.InOrder, simd.BytesQ8_0},
	compute.Q4_0:   {simd.Halves, simd.BytesQ4_0},
	compute.Q4_1:   {simd.Halves, simd.BytesQ4_1},
	compute.Q5_0:   {simd.Halves, simd.BytesQ5_0},
	compute.Q5_1:   {simd.Halves, simd.BytesQ5_1},
	compute.IQ4_NL: {simd.Halves, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesIQ4_NL(w, x, out, &iq4Bytes) }},
	compute.MXFP4:  {simd.Halves, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesMXFP4(w, x, out, &e2m1Bytes) }},
	compute.Q2_K:   {simd.InOrder, simd.BytesQ2_K},
	compute.Q3_K:   {simd.InOrder, simd.BytesQ3_K},
	compute.Q4_K:   {simd.Crossed, simd.BytesQ4_K},
	compute.Q5_K:   {simd.Crossed, simd.BytesQ5_K},
	compute.Q6_K:   {simd.InOrder, simd.BytesQ6_K},
	compute.IQ4_XS: {simd.Halves, func(w []byte, x *simd.Bytes, out []float32) { simd.BytesIQ4_XS(w, x, out, &iq4Bytes) }},
}

// The products take rows of weights that lie one behind the other: out[r] = Σ w[r][k]·x[k], with float32 sums in an order of their own.

// MultiplyFloats is for what DotOf calls FloatDot.
func MultiplyFloats(l simd.Level, t compute.DType, w []byte, x, out []float32) {
	n := len(x) &^ 31
	if n == len(x) && n > 0 {
		dotFloats(l, t, w, x, out)
		return
	}
	var last [32]float32 // what is left, with zeros behind it
	var rest [32 * 4]byte
	var sum [1]float32
	copy(last[:], x[n:])
	size := t.BlockBytes()
	for r := range out {
		row := w[r*len(x)*size:][:len(x)*size]
		copy(rest[:], row[n*size:])
		dotFloats(l, t, rest[:32*size], last[:], sum[:])
		out[r] = sum[0]
		if n > 0 {
			dotFloats(l, t, row, x[:n], sum[:])
			out[r] += sum[0]
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

// OrderOf is the order of X for MultiplyBytes or MultiplyUnpacked by rows of a format.
func OrderOf(l simd.Level, t compute.DType) simd.Order {
	if DotOf(l, t) == UnpackedDot {
		return l.OrderOfUnpacked()
	}
	return byteDots[t].order
}

// MultiplyBytes is for what DotOf calls BytesDot: products of whole numbers are summed exactly within blocks of 16 or 32.
func MultiplyBytes(t compute.DType, w []byte, x *simd.Bytes, out []float32) {
	byteDots[t].multiply(w, x, out)
}

// MultiplyUnpacked is for what DotOf calls UnpackedDot: out[len(x)·c + r] is the product of row c of w by row r of x. Short rows, or a piece of a long
// one, at a time lie in memory. To unpack them takes as long as to multiply, and serves all rows of x.
func MultiplyUnpacked(l simd.Level, t compute.DType, w []byte, x []simd.Bytes, memory *simd.ByteRows, out []float32) {
	f, length, size := byteForms[t], t.BlockLen(), t.BlockBytes()
	cols := len(w) / (len(out) / len(x)) / size * length
	q, d, m := memory.One()
	for len(out) > 0 {
		rows := min(max(len(q)/cols, 1), len(out)/len(x)) // one, if it is longer than the memory
		clear(out[:rows*len(x)])
		for k := 0; k < cols; k += len(q) {
			n := min(len(q), cols-k)
			scales := f.Scales(n)
			Unpack(t, q[:rows*n], d, m, w)
			for c := range rows {
				for r := range x {
					out[c*len(x)+r] += l.UnpackedDot(q[c*n:(c+1)*n], d[c*scales:], m[c*scales:], f, &x[r], k)
				}
			}
			w = w[rows*n/length*size:]
		}
		out = out[rows*len(x):]
	}
}
