package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ3_XXS] = format{decode: decodeIQ3_XXS} }

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
