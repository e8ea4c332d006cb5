package quant

import "tuff/host/compute"

func init() { formats[compute.Q4_0] = format{decode: decodeQ4_0, encode: encodeQ4_0, fit: fitQ4_0} }

// Q4_0 stores 32 elements in 18 bytes: a binary16 scale d, then 16 bytes whose low nibbles are q[0..15] and whose high
// nibbles are q[16..31].
//
//	x = d·(q − 8)      written with d = x_m / −8, x_m the element of largest magnitude, so that −8 is exact
//
// Source: the GGUF format's block_q4_0.
func decodeQ4_0(dst []float32, src []byte) {
	d := half(src)
	for i, b := range src[2:18] {
		dst[i] = d * float32(int(b&15)-8)
		dst[i+16] = d * float32(int(b>>4)-8)
	}
}

func encodeQ4_0(dst []byte, src []float32) {
	d := extreme(src) / -8
	putHalf(dst, d)
	inv := inverse(d)
	for i := range 16 {
		dst[2+i] = level(float32(src[i]*inv)+8.5, 15) | level(float32(src[i+16]*inv)+8.5, 15)<<4
	}
}

// extreme is the element of largest magnitude, the first of equals.
func extreme(src []float32) float32 {
	var top, x float32
	for _, v := range src {
		if abs(v) > top {
			top, x = abs(v), v
		}
	}
	return x
}

// level truncates v to 0 … top; NaN gives 0.
func level(v float32, top byte) byte {
	switch {
	case !(v > 0):
		return 0
	case v >= float32(top):
		return top
	}
	return byte(v)
}

// starts4 are levels of the largest element, at either end.
var starts4 = []float32{-8, -8.5, -7.5, -7, -6.5, -6, -5.5, 7.4, 7, 6.5, 6, 5.5}

func fitQ4_0(dst []byte, src []float32) {
	d := fitScale(src, -8, 7, starts4, toHalf)
	putHalf(dst, d)
	var q [32]float32
	levels(q[:], src, d, 0, -8, 7)
	for i := range 16 {
		dst[2+i] = byte(q[i]+8) | byte(q[i+16]+8)<<4
	}
}
