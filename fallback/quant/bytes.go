package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// byteForms are how rows of formats become bytes (package simd), whole blocks of them.
var byteForms = map[compute.DType]simd.ByteForm{
	compute.Q8_0:    {Base: 128},
	compute.Q4_0:    {Base: 8},
	compute.Q4_1:    {Minima: true},
	compute.Q5_0:    {Base: 16},
	compute.Q5_1:    {Minima: true},
	compute.IQ4_NL:  {Base: 128},
	compute.MXFP4:   {Base: 128},
	compute.Q2_K:    {Halves: true, Minima: true},
	compute.Q3_K:    {Base: 4, Halves: true},
	compute.Q4_K:    {Minima: true},
	compute.Q5_K:    {Minima: true},
	compute.Q6_K:    {Base: 32, Halves: true},
	compute.IQ4_XS:  {Base: 128},
	compute.IQ1_S:   {Base: 9},
	compute.IQ1_M:   {Base: 9, Halves: true},
	compute.IQ2_XXS: {Base: 128},
	compute.IQ2_XS:  {Base: 128, Halves: true},
	compute.IQ2_S:   {Base: 128, Halves: true},
	compute.IQ3_XXS: {Base: 128},
	compute.IQ3_S:   {Base: 128},
	compute.TQ1_0:   {Base: 1},
	compute.TQ2_0:   {Base: 1},
	compute.Q1_0:    {Base: 1},
	compute.Q2_0:    {Base: 1},
	compute.NVFP4:   {Base: 128, Halves: true},
}

// ByteForm says how rows of a format become bytes, where a level multiplies them by many rows of X in whole numbers.
func ByteForm(l simd.Level, t compute.DType) (simd.ByteForm, bool) {
	return byteForms[t], l.TilesBytes() && unpacks(l, t)
}

// unpacks says whether a level brings rows of a format to bytes.
func unpacks(l simd.Level, t compute.DType) bool {
	_, ok := byteForms[t]
	return ok && l > simd.Plain
}

// Unpack makes bytes of whole blocks of a row of a format that has a ByteForm: len(q) elements. Kernels are called by their names, so that a caller's
// memory may be on its stack.
func Unpack(t compute.DType, q []uint8, d, m []float32, src []byte) {
	switch t {
	case compute.Q8_0:
		simd.UnpackQ8_0(q, d, m, src)
	case compute.Q4_0:
		simd.UnpackQ4_0(q, d, m, src)
	case compute.Q4_1:
		simd.UnpackQ4_1(q, d, m, src)
	case compute.Q5_0:
		simd.UnpackQ5_0(q, d, m, src)
	case compute.Q5_1:
		simd.UnpackQ5_1(q, d, m, src)
	case compute.IQ4_NL:
		simd.UnpackIQ4_NL(q, d, m, src, &iq4Bytes)
	case compute.MXFP4:
		simd.UnpackMXFP4(q, d, m, src, &e2m1Bytes, &halfScales)
	case compute.Q2_K:
		simd.UnpackQ2_K(q, d, m, src)
	case compute.Q3_K:
		simd.UnpackQ3_K(q, d, m, src)
	case compute.Q4_K:
		simd.UnpackQ4_K(q, d, m, src)
	case compute.Q5_K:
		simd.UnpackQ5_K(q, d, m, src)
	case compute.Q6_K:
		simd.UnpackQ6_K(q, d, m, src)
	case compute.IQ4_XS:
		simd.UnpackIQ4_XS(q, d, m, src, &iq4Bytes)
	case compute.IQ1_S:
		simd.UnpackIQ1_S(q, d, m, src, iq1Bytes)
	case compute.IQ1_M:
		simd.UnpackIQ1_M(q, d, m, src, iq1Bytes)
	case compute.IQ2_XXS:
		simd.UnpackIQ2_XXS(q, d, m, src, iq2xxsBytes)
	case compute.IQ2_XS:
		simd.UnpackIQ2_XS(q, d, m, src, iq2xsBytes)
	case compute.IQ2_S:
		simd.UnpackIQ2_S(q, d, m, src, iq2sBytes)
	case compute.IQ3_XXS:
		simd.UnpackIQ3_XXS(q, d, m, src, iq3xxsBytes)
	case compute.IQ3_S:
		simd.UnpackIQ3_S(q, d, m, src, iq3sBytes)
	case compute.TQ1_0:
		simd.UnpackTQ1_0(q, d, m, src)
	case compute.TQ2_0:
		simd.UnpackTQ2_0(q, d, m, src)
	case compute.Q1_0:
		simd.UnpackQ1_0(q, d, m, src)
	case compute.Q2_0:
		simd.UnpackQ2_0(q, d, m, src)
	case compute.NVFP4:
		simd.UnpackNVFP4(q, d, m, src, &e2m1Bytes, &halfScales4)
	default:
		panic("BUG: quant: rows of " + t.String() + " do not become bytes")
	}
}

// bytesDecoder decodes whole blocks of a format as what they are unpacked to.
func bytesDecoder(t compute.DType) func(dst []float32, src []byte) {
	f, n, size := byteForms[t], t.BlockLen(), t.BlockBytes()
	return func(dst []float32, src []byte) {
		var q [simd.ByteCols]uint8
		var d, m [simd.ByteCols / 16]float32
		for len(dst) > 0 {
			k := min(len(dst), simd.ByteCols)
			Unpack(t, q[:k], d[:], m[:], src)
			simd.DecodeBytes(dst[:k], q[:k], d[:], m[:], f)
			dst, src = dst[k:], src[k/n*size:]
		}
	}
}
