package quant

import (
	"encoding/binary"

	"tuff/host/compute"
)

func init() { formats[compute.IQ2_XS] = format{decode: decodeIQ2_XS} }

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
