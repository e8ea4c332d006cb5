package quant

import (
	"encoding/binary"
	"math"

	"tuff/host/compute"
)

// F32, F16 and BF16 are little-endian IEEE 754 binary32, binary16 and the upper half of binary32. A block is one element.

func decodeF32(dst []float32, src []byte) {
	dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(src))
}
func encodeF32(dst []byte, src []float32) {
	binary.LittleEndian.PutUint32(dst, math.Float32bits(src[0]))
}

func decodeF16(dst []float32, src []byte)  { dst[0] = half(src) }
func encodeF16(dst []byte, src []float32)  { putHalf(dst, src[0]) }
func decodeBF16(dst []float32, src []byte) { dst[0] = compute.BF16ToF32(binary.LittleEndian.Uint16(src)) }
func encodeBF16(dst []byte, src []float32) {
	binary.LittleEndian.PutUint16(dst, compute.F32ToBF16(src[0]))
}

// half reads the binary16 at the start of b.
func half(b []byte) float32 { return compute.F16ToF32(binary.LittleEndian.Uint16(b)) }

// putHalf writes f as binary16, nearest even.
func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, compute.F32ToF16(f)) }
