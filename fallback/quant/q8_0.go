package quant

import (
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.Q8_0] = format{decode: decodeQ8_0, encode: encodeQ8_0, fit: fitQ8_0} }

// Q8_0 stores 32 elements in 34 bytes: a binary16 scale d, then 32 int8 q.
//
//	x = d·q      written with d = max|x| / 127 and q = round(x/d), halves away from zero
//
// Source: the GGUF format's block_q8_0.
func decodeQ8_0(dst []float32, src []byte) {
	d := half(src)
	for i, q := range src[2:34] {
		dst[i] = d * float32(int8(q))
	}
}

func encodeQ8_0(dst []byte, src []float32) {
	var top float32
	for _, x := range src {
		top = max(top, abs(x))
	}
	d := top / 127
	putHalf(dst, d)
	inv := inverse(d)
	for i, x := range src {
		dst[2+i] = byte(int8(math.Round(float64(x * inv))))
	}
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// inverse is 1/d, or 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// starts8 are levels of the largest element: binary16 scales lie 1/8 to 1/16 of a level apart there.
var starts8 = []float32{127, 126.7, 126.4, 126.1, 127.3, 127.6, 127.9}

func fitQ8_0(dst []byte, src []float32) {
	d := fitScale(src, -127, 127, starts8, toHalf)
	putHalf(dst, d)
	var q [32]float32
	levels(q[:], src, d, 0, -127, 127)
	for i, l := range q {
		dst[2+i] = byte(int8(l))
	}
}
