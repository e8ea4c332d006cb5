package quant

import "tuff/host/compute"

func init() { formats[compute.IQ2_S] = format{decode: decodeIQ2_S} }

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
