package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.Q5_1] = format{decode: decodeQ5_1, encode: encodeQ5_1, fit: fitQ5_1} }

// Q5_1 stores 32 elements in 24 bytes: binary16 scale d and minimum m, then high bits and nibbles as in Q5_0.
//
//	x = d·q + m      written with m = min(x) and d = (max(x) − m) / 31
//
// Source: the GGUF format's block_q5_1.
func decodeQ5_1(dst []float32, src []byte) {
	d, m, high := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:])
	for i, b := range src[8:24] {
		dst[i] = float32(d*float32(int(b&15)|int(high>>i&1)<<4)) + m
		dst[i+16] = float32(d*float32(int(b>>4)|int(high>>(i+16)&1)<<4)) + m
	}
}

func encodeQ5_1(dst []byte, src []float32) {
	lo, hi := bounds(src)
	d := (hi - lo) / 31
	putHalf(dst, d)
	putHalf(dst[2:], lo)
	inv := inverse(d)
	pack5(dst[4:], func(i int) byte { return level(float32((src[i]-lo)*inv)+0.5, 31) })
}

func fitQ5_1(dst []byte, src []float32) {
	d, m := fitLine(src, 31, false, toHalf)
	putHalf(dst, d)
	putHalf(dst[2:], m)
	var q [32]float32
	levels(q[:], src, d, m, 0, 31)
	pack5(dst[4:], func(i int) byte { return byte(q[i]) })
}
