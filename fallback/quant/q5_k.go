package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

func init() { formats[compute.Q5_K] = format{decode: decodeQ5_K, fit: fitQ5_K} }

// Q5_K stores 256 elements in 176 bytes: binary16 d and dmin, 12 bytes of eight 6-bit scale and minimum pairs as in Q4_K,
// 32 bytes of high bits, 128 bytes of nibbles as in Q4_K. Bit j of high byte i belongs to element 32j+i.
//
//	x = d·scale·q − dmin·min      one pair for each 32 elements; q has five bits
//
// Source: the GGUF format's block_q5_K.
func decodeQ5_K(dst []float32, src []byte) {
	d, dmin, packed, high := half(src), half(src[2:]), src[4:16], src[16:48]
	for j := range 4 {
		s0, m0 := simd.ScaleMin(packed, 2*j)
		s1, m1 := simd.ScaleMin(packed, 2*j+1)
		d0, b0 := d*float32(s0), dmin*float32(m0)
		d1, b1 := d*float32(s1), dmin*float32(m1)
		lo, hi := dst[64*j:64*j+32], dst[64*j+32:64*j+64]
		for i, q := range src[48+32*j : 80+32*j] {
			h := high[i] >> (2 * j)
			lo[i] = float32(d0*float32(q&15|h&1<<4)) - b0
			hi[i] = float32(d1*float32(q>>4|h&2<<3)) - b1
		}
	}
}

func fitQ5_K(dst []byte, src []float32) {
	var q [256]float32
	p := fitPairs(src, q[:], 31)
	p.put(dst)
	high := dst[16:48]
	clear(high)
	for j := range 4 {
		for i := range 32 {
			a, b := byte(q[64*j+i]), byte(q[64*j+32+i])
			dst[48+32*j+i] = a&15 | b<<4
			high[i] |= a>>4<<(2*j) | b>>4<<(2*j+1)
		}
	}
}
