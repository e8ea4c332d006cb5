package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ1_S] = format{decode: decodeIQ1_S} }

// IQ1_S stores 256 elements in 50 bytes: binary16 d, 32 bytes of the low eight index bits, then for each 32 elements a word of
// four times three high index bits, a 3-bit scale, and the direction.
//
//	x = d·(1 + 2·scale)·(point ± ⅛)
//
// Source: the GGUF format's block_iq1_s.
func decodeIQ1_S(dst []float32, src []byte) {
	d, low := half(src), src[2:34]
	for g := range 8 {
		word := binary.LittleEndian.Uint16(src[34+2*g:])
		dl := d * float32(1+2*int(word>>12&7))
		for l := range 4 {
			index := int(low[4*g+l]) | int(word>>(3*l)&7)<<8
			moved(dst[32*g+8*l:], dl, &iq1[index], word>>15 == 1)
		}
	}
}
