package quant

import "tuff/host/compute"

func init() { formats[compute.Q1_0] = format{decode: decodeQ1_0} }

// Q1_0 stores 128 elements in 18 bytes: a binary16 scale d, then one bit an element, lowest first.
//
//	x = d where the bit is set, −d where it is not
//
// Source: the GGUF format's block_q1_0.
func decodeQ1_0(dst []float32, src []byte) {
	d := half(src)
	for i, b := range src[2:18] {
		out := dst[8*i : 8*i+8]
		for j := range out {
			out[j] = d
			if b>>j&1 == 0 {
				out[j] = -d
			}
		}
	}
}
