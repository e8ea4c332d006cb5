package quant

import "tuff/host/compute"

func init() { formats[compute.IQ3_S] = format{decode: decodeIQ3_S} }

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
