package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

// The IQ1 formats choose groups of eight from a codebook of 2048 points with coordinates −1, 0 and 1, and move all of a group
// by an eighth up or down.

// moved writes scale·(point ± ⅛).
func moved(dst []float32, scale float32, point *[8]float32, down bool) {
	delta := float32(0.125)
	if down {
		delta = -delta
	}
	dst = dst[:8]
	for i, p := range point {
		dst[i] = scale * (p + delta)
	}
}

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
