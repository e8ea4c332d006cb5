package quant

import (
	"encoding/binary"
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.F32] = format{decode: decodeF32, encode: encodeF32, fit: encodeF32} }

func init() { formats[compute.F16] = format{decode: decodeF16, encode: encodeF16, fit: encodeF16} }

func init() { formats[compute.BF16] = format{decode: decodeBF16, encode: encodeBF16, fit: encodeBF16} }

func init() { formats[compute.F64] = format{decode: decodeF64} }

// F32, F16, BF16 and F64 are little-endian IEEE 754 binary32, binary16, the upper half of binary32, and binary64, which is
// rounded to nearest. A block is one element.

func decodeF32(dst []float32, src []byte) {
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func encodeF32(dst []byte, src []float32) {
	binary.LittleEndian.PutUint32(dst, math.Float32bits(src[0]))
}

func decodeF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		// The exponent lands 112 too low, which one exact multiplication mends, for subnormals too.
		h := uint32(binary.LittleEndian.Uint16(src[2*i:]))
		bits := math.Float32bits(math.Float32frombits(h&0x7fff<<13) * 0x1p112)
		if h&0x7c00 == 0x7c00 { // infinity and NaN
			bits = 0x7f800000 | h&0x3ff<<13
		}
		dst[i] = math.Float32frombits(bits | h>>15<<31)
	}
}

func encodeF16(dst []byte, src []float32) { putHalf(dst, src[0]) }

func decodeBF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = compute.BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encodeBF16(dst []byte, src []float32) {
	binary.LittleEndian.PutUint16(dst, compute.F32ToBF16(src[0]))
}

func decodeF64(dst []float32, src []byte) {
	src = src[:8*len(dst)]
	for i := range dst {
		dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
	}
}

// half reads the binary16 at the start of b.
func half(b []byte) float32 { return compute.F16ToF32(binary.LittleEndian.Uint16(b)) }

// putHalf writes f as binary16, nearest even.
func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, compute.F32ToF16(f)) }
