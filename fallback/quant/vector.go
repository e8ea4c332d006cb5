package quant

import (
	"fmt"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// vectors are the formats that vector instructions decode, any number of whole blocks at a time, to the bits that decode gives. Formats that
// become bytes and have no entry here are decoded from these; on arm64 all that become bytes are.
var vectors = [256]func(dst []float32, src []byte){
	compute.F16:    inEights(2, simd.DecodeF16, decodeF16),
	compute.BF16:   inEights(2, simd.DecodeBF16, decodeBF16),
	compute.Q8_0:   simd.DecodeQ8_0,
	compute.Q4_0:   simd.DecodeQ4_0,
	compute.IQ4_NL: func(dst []float32, src []byte) { simd.DecodeIQ4_NL(dst, src, &iq4Bytes) },
	compute.MXFP4:  func(dst []float32, src []byte) { simd.DecodeMXFP4(dst, src, &e2m1Bytes, &halfScales) },
	compute.Q4_K:   vectorQ4_K,
	compute.Q6_K:   vectorQ6_K,
}

func init() {
	for t := range byteForms {
		if vectors[t] == nil || simd.Best().OfARM64() {
			vectors[t] = bytesDecoder(t)
		}
	}
}

// vectorOf is how a level decodes a format, or nil: as plain Go does.
func vectorOf(l simd.Level, t compute.DType) func(dst []float32, src []byte) {
	if l > simd.Plain {
		return vectors[t]
	}
	return nil
}

// DecodeWith is Decode in the instructions of a level: the same bits.
func DecodeWith(l simd.Level, t compute.DType, dst []float32, src []byte) error {
	f := vectorOf(l, t)
	if f == nil || len(dst) == 0 {
		return Decode(t, dst, src)
	}
	if err := check("decode", t, len(dst), len(src)); err != nil {
		return err
	}
	f(dst, src)
	return nil
}

// DecoderOf is what decodes whole blocks of a format, which Supported has, in the instructions of a level: len(dst) elements, the bytes
// of all of which src must have.
func DecoderOf(l simd.Level, t compute.DType) func(dst []float32, src []byte) {
	if f := vectorOf(l, t); f != nil {
		return f
	}
	f, n, size := formats[t].decode, t.BlockLen(), t.BlockBytes()
	if n == 1 {
		return f
	}
	return func(dst []float32, src []byte) {
		for ; len(dst) > 0; dst, src = dst[n:], src[size:] {
			f(dst[:n], src[:size])
		}
	}
}

// RowsDecoderOf is DecoderOf for rows, stride bytes from one to the next: len(dst)/rows elements of each, at least one row of whole blocks. What lies
// ahead bytes behind the rows, which need not be there, is asked for where a level can.
func RowsDecoderOf(l simd.Level, t compute.DType) func(dst []float32, src []byte, rows, stride, ahead int) {
	one, many := DecoderOf(l, t), rowVectors[t]
	if l == simd.Plain {
		many = nil
	}
	return func(dst []float32, src []byte, rows, stride, ahead int) {
		n := len(dst) / rows
		if many != nil && n%8 == 0 {
			many(dst, src, rows, stride, ahead)
			return
		}
		size := n / t.BlockLen() * t.BlockBytes()
		for i := range rows {
			one(dst[i*n:(i+1)*n], src[i*stride:][:size])
		}
	}
}

// EncodeWith is Encode in the instructions of a level: the same bytes.
func EncodeWith(l simd.Level, t compute.DType, dst []byte, src []float32) error {
	n := len(src) &^ 7
	if l < simd.AVX2 || t != compute.F16 || n == 0 {
		return Encode(t, dst, src)
	}
	if err := check("encode", t, len(src), len(dst)); err != nil {
		return err
	}
	simd.EncodeF16(dst, src[:n])
	return Encode(t, dst[2*n:], src[n:])
}

// inEights leaves to rest what is left of elements of size bytes that go eight at a time.
func inEights(size int, eights, rest func(dst []float32, src []byte)) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		n := len(dst) &^ 7
		if n > 0 {
			eights(dst[:n], src)
		}
		rest(dst[n:], src[size*n:])
	}
}

var (
	iq4Bytes, e2m1Bytes = bytesOf(&iq4), bytesOf(&e2m1)
	halfScales          = scalesOf(halfE8M0)  // of MXFP4
	halfScales4         = scalesOf(halfUE4M3) // of NVFP4
)

// scalesOf are what all bytes stand for.
func scalesOf(f func(byte) float32) (s [256]float32) {
	for i := range s {
		s[i] = f(byte(i))
	}
	return s
}

func bytesOf(levels *[16]float32) (b [16]int8) {
	for i, v := range levels {
		b[i] = int8(v)
		if float32(b[i]) != v {
			panic(fmt.Sprintf("BUG: quant: level %v is no whole number of eight bits", v))
		}
	}
	return b
}

func vectorQ4_K(dst []float32, src []byte) {
	var scales [16]float32
	for ; len(dst) > 0; dst, src = dst[256:], src[144:] {
		d, dmin := half(src), half(src[2:])
		for j := range 8 {
			s, m := simd.ScaleMin(src[4:16], j)
			scales[j], scales[8+j] = d*float32(s), dmin*float32(m)
		}
		simd.DecodeQ4_K(dst[:256], src, &scales)
	}
}

func vectorQ6_K(dst []float32, src []byte) {
	var scales [16]float32
	for ; len(dst) > 0; dst, src = dst[256:], src[210:] {
		d := half(src[208:])
		for g, s := range src[192:208] {
			scales[g] = d * float32(int8(s))
		}
		simd.DecodeQ6_K(dst[:256], src, &scales)
	}
}
