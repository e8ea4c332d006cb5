package quant

import "tuff/host/compute"

func init() { formats[compute.Q3_K] = format{decode: decodeQ3_K} }

// Q3_K stores 256 elements in 110 bytes: 32 bytes of high bits, 64 bytes of two low bits laid out as in Q2_K, 12 bytes of
// sixteen 6-bit scales, a binary16 d. Bit 4h+k of high byte i belongs to element 128h+32k+i.
//
//	x = d·(scale − 32)·(q − 4)      one scale for each 16 elements; q has three bits
//
// Scale j has its low four bits in the low (j < 8) or high nibble of byte j mod 8, and its top two in bits 2(j/4) and above
// of byte 8 + j mod 4. Source: the GGUF format's block_q3_K.
func decodeQ3_K(dst []float32, src []byte) {
	high, qs, scales, d := src[:32], src[32:96], src[96:108], half(src[108:])
	for g := range 16 {
		s := scales[g%8]>>(4*(g/8))&15 | scales[8+g%4]>>(2*(g/4))&3<<4
		dl := d * float32(int(s)-32)
		bit, shift, at := g/2, 2*(g/2%4), 16*(g%2)
		out, hm := dst[16*g:16*g+16], high[at:at+16]
		for i, q := range qs[32*(g/8)+at:][:16] {
			out[i] = dl * float32(int(q>>shift&3|hm[i]>>bit&1<<2)-4)
		}
	}
}
