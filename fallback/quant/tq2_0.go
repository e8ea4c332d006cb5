package quant

import "tuff/host/compute"

func init() { formats[compute.TQ2_0] = format{decode: decodeTQ2_0} }

// TQ2_0 stores 256 elements in 66 bytes: 64 bytes of 2-bit q, a binary16 scale d. In each half of 128 elements, element
// 32k+i has its q in bits 2k and 2k+1 of byte i.
//
//	x = d·(q − 1)
//
// Source: the GGUF format's block_tq2_0.
func decodeTQ2_0(dst []float32, src []byte) {
	qs, d := src[:64], half(src[64:])
	for g := range 8 {
		shift, out := 2*(g%4), dst[32*g:32*g+32]
		for i, q := range qs[32*(g/4):][:32] {
			out[i] = d * float32(int(q>>shift&3)-1)
		}
	}
}
