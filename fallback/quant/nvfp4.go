package quant

import (
	"math"

	"tuff/host/compute"
)

func init() { formats[compute.NVFP4] = format{decode: decodeNVFP4} }

// NVFP4 stores 64 elements in 36 bytes: four UE4M3 scales, one for each 16 elements, then 8 bytes for each of the four whose
// low nibbles are the first eight of its elements and whose high nibbles are the others. The scale of the whole tensor is
// not part of the block.
//
//	x = UE4M3(s)·E2M1(q)
//
// Source: the GGUF format's block_nvfp4.
func decodeNVFP4(dst []float32, src []byte) {
	for g := range 4 {
		d, out := halfUE4M3(src[g]), dst[16*g:16*g+16]
		for i, b := range src[4+8*g : 12+8*g] {
			out[i] = d * e2m1[b&15]
			out[i+8] = d * e2m1[b>>4]
		}
	}
}

// halfUE4M3 is half of the value of an 8-bit float without sign: four exponent bits of bias 7, three mantissa bits. The
// code of NaN stands for 0.
func halfUE4M3(s byte) float32 {
	exp, man := s>>3&15, float32(s&7)
	switch {
	case s == 0x7f:
		return 0
	case exp == 0:
		return man * 0x1p-10
	}
	return (1 + man/8) * math.Float32frombits((uint32(exp)+119)<<23)
}
