package quant

import "tuff/host/compute"

func init() { formats[compute.Q2_K] = format{decode: decodeQ2_K} }

// Q2_K stores 256 elements in 84 bytes: 16 bytes of scale (low nibble) and minimum (high nibble), 64 bytes of 2-bit q,
// binary16 d and dmin. In each half of 128 elements, element 32k+i has its q in bits 2k and 2k+1 of byte i.
//
//	x = d·scale·q − dmin·min      one pair for each 16 elements
//
// Source: the GGUF format's block_q2_K.
func decodeQ2_K(dst []float32, src []byte) {
	scales, qs, d, dmin := src[:16], src[16:80], half(src[80:]), half(src[82:])
	for g := range 16 {
		s := scales[g]
		dl, ml := d*float32(s&15), dmin*float32(s>>4)
		shift := 2 * (g / 2 % 4)
		out := dst[16*g : 16*g+16]
		for i, q := range qs[32*(g/8)+16*(g%2):][:16] {
			out[i] = float32(dl*float32(q>>shift&3)) - ml
		}
	}
}
