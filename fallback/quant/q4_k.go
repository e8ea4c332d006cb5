package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

func init() { formats[compute.Q4_K] = format{decode: decodeQ4_K, fit: fitQ4_K} }

// Q4_K stores 256 elements in 144 bytes: binary16 d and dmin, 12 bytes of eight 6-bit scale and minimum pairs, then 128
// bytes of nibbles: byte 32j+i holds element 64j+i in its low and 64j+32+i in its high nibble.
//
//	x = d·scale·q − dmin·min      one pair for each 32 elements
//
// Source: the GGUF format's block_q4_K.
func decodeQ4_K(dst []float32, src []byte) {
	d, dmin, packed := half(src), half(src[2:]), src[4:16]
	for j := range 4 {
		s0, m0 := simd.ScaleMin(packed, 2*j)
		s1, m1 := simd.ScaleMin(packed, 2*j+1)
		d0, b0 := d*float32(s0), dmin*float32(m0)
		d1, b1 := d*float32(s1), dmin*float32(m1)
		for i, q := range src[16+32*j : 48+32*j] {
			dst[64*j+i] = float32(d0*float32(q&15)) - b0
			dst[64*j+32+i] = float32(d1*float32(q>>4)) - b1
		}
	}
}

func fitQ4_K(dst []byte, src []float32) {
	var q [256]float32
	p := fitPairs(src, q[:], 15)
	p.put(dst)
	for j := range 4 {
		for i := range 32 {
			dst[16+32*j+i] = byte(q[64*j+i]) | byte(q[64*j+32+i])<<4
		}
	}
}
