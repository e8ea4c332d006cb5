package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ1_M] = format{decode: decodeIQ1_M} }

// IQ1_M stores 256 elements in 56 bytes: 32 bytes of the low eight index bits, 16 bytes of nibbles with three high index bits
// and the direction for each 8 elements, four words of four 3-bit scales, one for each 16 elements, whose top nibbles
// together are the binary16 d, lowest first.
//
//	x = d·(1 + 2·scale)·(point ± ⅛)
//
// Source: the GGUF format's block_iq1_m.
func decodeIQ1_M(dst []float32, src []byte) {
	low, high := src[:32], src[32:48]
	var scales [4]uint16
	var top uint16
	for i := range scales {
		scales[i] = binary.LittleEndian.Uint16(src[48+2*i:])
		top |= scales[i] >> 12 << (4 * i)
	}
	d := compute.F16ToF32(top)
	for k := range 32 {
		nibble := high[k/2] >> (4 * (k % 2))
		index := int(low[k]) | int(nibble&7)<<8
		dl := d * float32(1+2*int(scales[k/8]>>(3*(k/2%4))&7))
		moved(dst[8*k:], dl, &iq1[index], nibble&8 != 0)
	}
}
