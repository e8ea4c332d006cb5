package quant

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The IQ2 formats choose groups of eight magnitudes from a codebook of points with coordinates 8, 25 and 43, and give each
// its sign. Where only seven sign bits are stored, the eighth makes the number of minus signs even.

// evenSigns completes seven sign bits.
func evenSigns(b uint32) byte { return byte(b&127) | byte(bits.OnesCount32(b&127)&1)<<7 }

// signed writes scale·point with the signs of the set bits turned.
func signed(dst []float32, scale float32, point []float32, signs byte) {
	dst = dst[:len(point)]
	for i, p := range point {
		dst[i] = math.Float32frombits(math.Float32bits(scale*p) ^ uint32(signs)>>i<<31)
	}
}

// IQ2_XXS stores 256 elements in 66 bytes: binary16 d, then for each 32 elements four bytes of codebook indices and a word of
// four times seven signs with a 4-bit scale at the top.
//
//	x = d·(scale + ½)/4 · ±point      codebook of 256
//
// Source: the GGUF format's block_iq2_xxs.
func decodeIQ2_XXS(dst []float32, src []byte) {
	d := half(src)
	for g := range 8 {
		b := src[2+8*g : 10+8*g]
		word := binary.LittleEndian.Uint32(b[4:])
		db := d * (0.5 + float32(word>>28)) * 0.25
		for l := range 4 {
			signed(dst[32*g+8*l:], db, iq2xxs[b[l]][:], evenSigns(word>>(7*l)))
		}
	}
}

// IQ2_XS stores 256 elements in 74 bytes: binary16 d, 32 words of 9 bits of index and 7 of sign, one for each 8 elements, and
// 8 bytes of 4-bit scales, one for each 16.
//
//	x = d·(scale + ½)/4 · ±point      codebook of 512
//
// Source: the GGUF format's block_iq2_xs.
func decodeIQ2_XS(dst []float32, src []byte) {
	d, scales := half(src), src[66:74]
	for k := range 32 {
		word := uint32(binary.LittleEndian.Uint16(src[2+2*k:]))
		db := d * (0.5 + float32(scales[k/4]>>(4*(k/2%2))&15)) * 0.25
		signed(dst[8*k:], db, iq2xs[word&511][:], evenSigns(word>>9))
	}
}

// IQ2_S stores 256 elements in 82 bytes: binary16 d, 32 bytes of the low eight index bits, 32 bytes of signs, 8 bytes of two
// high index bits, 8 bytes of 4-bit scales as in IQ2_XS.
//
//	x = d·(scale + ½)/4 · ±point      codebook of 1024
//
// Source: the GGUF format's block_iq2_s.
func decodeIQ2_S(dst []float32, src []byte) {
	d, low, signs, high, scales := half(src), src[2:34], src[34:66], src[66:74], src[74:82]
	for k := range 32 {
		index := int(low[k]) | int(high[k/4]>>(2*(k%4))&3)<<8
		db := d * (0.5 + float32(scales[k/4]>>(4*(k/2%2))&15)) * 0.25
		signed(dst[8*k:], db, iq2s[index][:], signs[k])
	}
}
