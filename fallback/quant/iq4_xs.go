package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ4_XS] = format{decode: decodeIQ4_XS} }

// IQ4_XS stores 256 elements in 136 bytes: binary16 d, a 16-bit word with the two high bits of each of eight scales, 4 bytes
// with their low nibbles, then eight times 16 bytes of nibbles as in IQ4_NL.
//
//	x = d·(scale − 32)·level(q)      one scale for each 32 elements
//
// Source: the GGUF format's block_iq4_xs.
func decodeIQ4_XS(dst []float32, src []byte) {
	d, high := half(src), binary.LittleEndian.Uint16(src[2:])
	for g := range 8 {
		s := int(src[4+g/2]>>(4*(g%2))&15) | int(high>>(2*g)&3)<<4
		dl, out := d*float32(s-32), dst[32*g:32*g+32]
		for i, b := range src[8+16*g : 24+16*g] {
			out[i] = dl * iq4[b&15]
			out[i+16] = dl * iq4[b>>4]
		}
	}
}
