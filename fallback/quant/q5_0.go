package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.Q5_0] = format{decode: decodeQ5_0, encode: encodeQ5_0, fit: fitQ5_0} }

// Q5_0 stores 32 elements in 22 bytes: a binary16 scale d, 32 high bits as a little-endian word, bit i of which belongs to
// element i, then 16 bytes of low nibbles as in Q4_0.
//
//	x = d·(q − 16)      written with d = x_m / −16, x_m the element of largest magnitude
//
// Source: the GGUF format's block_q5_0.
func decodeQ5_0(dst []float32, src []byte) {
	d, high := half(src), binary.LittleEndian.Uint32(src[2:])
	for i, b := range src[6:22] {
		dst[i] = d * float32(int(b&15)|int(high>>i&1)<<4-16)
		dst[i+16] = d * float32(int(b>>4)|int(high>>(i+16)&1)<<4-16)
	}
}

func encodeQ5_0(dst []byte, src []float32) {
	d := extreme(src) / -16
	putHalf(dst, d)
	inv := inverse(d)
	pack5(dst[2:], func(i int) byte { return level(float32(src[i]*inv)+16.5, 31) })
}

// pack5 writes the high bits and nibbles of 32 five-bit levels.
func pack5(dst []byte, q func(i int) byte) {
	var high uint32
	for i := range 16 {
		a, b := q(i), q(i+16)
		dst[4+i] = a&15 | b<<4
		high |= uint32(a>>4)<<i | uint32(b>>4)<<(i+16)
	}
	binary.LittleEndian.PutUint32(dst, high)
}

// starts5 are levels of the largest element, at either end.
var starts5 = []float32{-16, -16.5, -15.5, -15, -14.5, -14, -13.5, -13, 15.4, 15, 14.5, 14, 13.5, 13}

func fitQ5_0(dst []byte, src []float32) {
	d := fitScale(src, -16, 15, starts5, toHalf)
	putHalf(dst, d)
	var q [32]float32
	levels(q[:], src, d, 0, -16, 15)
	pack5(dst[2:], func(i int) byte { return byte(q[i] + 16) })
}
