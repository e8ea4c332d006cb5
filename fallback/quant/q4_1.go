package quant

import "tuff/host/compute"

func init() { formats[compute.Q4_1] = format{decode: decodeQ4_1, encode: encodeQ4_1, fit: fitQ4_1} }

// Q4_1 stores 32 elements in 20 bytes: binary16 scale d and minimum m, then 16 bytes of nibbles as in Q4_0.
//
//	x = d·q + m      written with m = min(x) and d = (max(x) − m) / 15
//
// Source: the GGUF format's block_q4_1.
func decodeQ4_1(dst []float32, src []byte) {
	d, m := half(src), half(src[2:])
	for i, b := range src[4:20] {
		dst[i] = float32(d*float32(b&15)) + m
		dst[i+16] = float32(d*float32(b>>4)) + m
	}
}

func encodeQ4_1(dst []byte, src []float32) {
	lo, hi := bounds(src)
	d := (hi - lo) / 15
	putHalf(dst, d)
	putHalf(dst[2:], lo)
	inv := inverse(d)
	for i := range 16 {
		dst[4+i] = level(float32((src[i]-lo)*inv)+0.5, 15) | level(float32((src[i+16]-lo)*inv)+0.5, 15)<<4
	}
}

func bounds(src []float32) (lo, hi float32) {
	lo, hi = src[0], src[0]
	for _, v := range src {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

func fitQ4_1(dst []byte, src []float32) {
	d, m := fitLine(src, 15, false, toHalf)
	putHalf(dst, d)
	putHalf(dst[2:], m)
	var q [32]float32
	levels(q[:], src, d, m, 0, 15)
	for i := range 16 {
		dst[4+i] = byte(q[i]) | byte(q[i+16])<<4
	}
}
