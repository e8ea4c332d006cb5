package quant

import "tuff/host/compute"

func init() { formats[compute.IQ4_NL] = format{decode: decodeIQ4_NL} }

// IQ4_NL stores 32 elements in 18 bytes as Q4_0 does, but its nibbles choose a level.
//
//	x = d·level(q)
//
// Source: the GGUF format's block_iq4_nl.
func decodeIQ4_NL(dst []float32, src []byte) {
	d := half(src)
	for i, b := range src[2:18] {
		dst[i] = d * iq4[b&15]
		dst[i+16] = d * iq4[b>>4]
	}
}
