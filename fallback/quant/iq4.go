package quant

import "encoding/binary"

// iq4 are the sixteen levels of the IQ4 formats, closer together around zero.
var iq4 = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

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
