package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ2_XXS] = format{decode: decodeIQ2_XXS} }

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
