package quant

import "encoding/binary"

// The IQ3 formats choose groups of four magnitudes from a codebook of points, and give each its sign as the IQ2 formats do.

// IQ3_XXS stores 256 elements in 98 bytes: binary16 d, 64 bytes of codebook indices, then for each 32 elements a word of four
// times seven signs with a 4-bit scale at the top.
//
//	x = d·(scale + ½)/2 · ±point      codebook of 256
//
// Source: the GGUF format's block_iq3_xxs.
func decodeIQ3_XXS(dst []float32, src []byte) {
	d, index := half(src), src[2:66]
	for g := range 8 {
		word := binary.LittleEndian.Uint32(src[66+4*g:])
		db := d * (0.5 + float32(word>>28)) * 0.5
		for l := range 4 {
			k, signs := 4*g+l, evenSigns(word>>(7*l))
			signed(dst[8*k:], db, iq3xxs[index[2*k]][:], signs)
			signed(dst[8*k+4:], db, iq3xxs[index[2*k+1]][:], signs>>4)
		}
	}
}

// IQ3_S stores 256 elements in 110 bytes: binary16 d, 64 bytes of the low eight index bits, 8 bytes of the ninth, 32 bytes of
// signs, 4 bytes of 4-bit scales, one for each 32 elements.
//
//	x = d·(1 + 2·scale) · ±point      codebook of 512
//
// Source: the GGUF format's block_iq3_s.
func decodeIQ3_S(dst []float32, src []byte) {
	d, low, high, signs, scales := half(src), src[2:66], src[66:74], src[74:106], src[106:110]
	for k := range 64 {
		index := int(low[k]) | int(high[k/8]>>(k%8)&1)<<8
		db := d * float32(1+2*int(scales[k/16]>>(4*(k/8%2))&15))
		signed(dst[4*k:], db, iq3s[index][:], signs[k/2]>>(4*(k%2)))
	}
}
