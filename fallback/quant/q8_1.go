package quant

import "tuff/host/compute"

func init() { formats[compute.Q8_1] = format{decode: decodeQ8_1} }

// Q8_1 stores 32 elements in 36 bytes: binary16 scale d, binary16 d·Σq (not needed to decode), 32 int8 q.
//
//	x = d·q
//
// Source: the GGUF format's block_q8_1.
func decodeQ8_1(dst []float32, src []byte) {
	d := half(src)
	for i, q := range src[4:36] {
		dst[i] = d * float32(int8(q))
	}
}
