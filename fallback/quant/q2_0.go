package quant

import "tuff/host/compute"

func init() { formats[compute.Q2_0] = format{decode: decodeQ2_0} }

// Q2_0 stores 64 elements in 18 bytes: a binary16 scale d, then two bits an element, lowest first.
//
//	x = d·(q − 1)
//
// Source: the GGUF format's block_q2_0.
func decodeQ2_0(dst []float32, src []byte) {
	d := half(src)
	for i, b := range src[2:18] {
		for j := range 4 {
			dst[4*i+j] = d * float32(int(b>>(2*j)&3)-1)
		}
	}
}
