package quant

import (
	"sync"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// byteForm is how rows of a format become bytes (package simd), whole blocks of them.
type byteForm struct {
	simd.ByteForm
	unpack func(q []uint8, d, m []float32, src []byte)
}

var byteForms = map[compute.DType]byteForm{
	compute.Q8_0: {simd.ByteForm{Base: 128}, simd.UnpackQ8_0},
	compute.Q4_0: {simd.ByteForm{Base: 8}, simd.UnpackQ4_0},
	compute.Q4_1: {simd.ByteForm{Minima: true}, simd.UnpackQ4_1},
	compute.Q5_0: {simd.ByteForm{Base: 16}, simd.UnpackQ5_0},
	compute.Q5_1: {simd.ByteForm{Minima: true}, simd.UnpackQ5_1},
	compute.IQ4_NL: {simd.ByteForm{Base: 128}, func(q []uint8, d, m []float32, src []byte) {
		simd.UnpackIQ4_NL(q, d, m, src, &iq4Bytes)
	}},
	compute.MXFP4: {simd.ByteForm{Base: 128}, func(q []uint8, d, m []float32, src []byte) {
		simd.UnpackMXFP4(q, d, m, src, &e2m1Bytes, &halfScales)
	}},
	compute.Q2_K: {simd.ByteForm{Halves: true, Minima: true}, simd.UnpackQ2_K},
	compute.Q3_K: {simd.ByteForm{Base: 4, Halves: true}, simd.UnpackQ3_K},
	compute.Q4_K: {simd.ByteForm{Minima: true}, simd.UnpackQ4_K},
	compute.Q5_K: {simd.ByteForm{Minima: true}, simd.UnpackQ5_K},
	compute.Q6_K: {simd.ByteForm{Base: 32, Halves: true}, simd.UnpackQ6_K},
	compute.IQ4_XS: {simd.ByteForm{Base: 128}, func(q []uint8, d, m []float32, src []byte) {
		simd.UnpackIQ4_XS(q, d, m, src, &iq4Bytes)
	}},
	compute.IQ1_S:   {simd.ByteForm{Base: 9}, chosen(simd.UnpackIQ1_S, iq1Bytes)},
	compute.IQ1_M:   {simd.ByteForm{Base: 9, Halves: true}, chosen(simd.UnpackIQ1_M, iq1Bytes)},
	compute.IQ2_XXS: {simd.ByteForm{Base: 128}, chosen(simd.UnpackIQ2_XXS, iq2xxsBytes)},
	compute.IQ2_XS:  {simd.ByteForm{Base: 128, Halves: true}, chosen(simd.UnpackIQ2_XS, iq2xsBytes)},
	compute.IQ2_S:   {simd.ByteForm{Base: 128, Halves: true}, chosen(simd.UnpackIQ2_S, iq2sBytes)},
	compute.IQ3_XXS: {simd.ByteForm{Base: 128}, chosen(simd.UnpackIQ3_XXS, iq3xxsBytes)},
	compute.IQ3_S:   {simd.ByteForm{Base: 128}, chosen(simd.UnpackIQ3_S, iq3sBytes)},
	compute.TQ1_0:   {simd.ByteForm{Base: 1}, simd.UnpackTQ1_0},
	compute.TQ2_0:   {simd.ByteForm{Base: 1}, simd.UnpackTQ2_0},
	compute.Q1_0:    {simd.ByteForm{Base: 1}, simd.UnpackQ1_0},
	compute.Q2_0:    {simd.ByteForm{Base: 1}, simd.UnpackQ2_0},
	compute.NVFP4: {simd.ByteForm{Base: 128, Halves: true}, func(q []uint8, d, m []float32, src []byte) {
		simd.UnpackNVFP4(q, d, m, src, &e2m1Bytes, &halfScales4)
	}},
}

// chosen hands a codebook to an unpacker.
func chosen[P [8]uint8 | [4]uint8](unpack func(q []uint8, d, m []float32, src []byte, points []P), points []P) func(q []uint8, d, m []float32, src []byte) {
	return func(q []uint8, d, m []float32, src []byte) { unpack(q, d, m, src, points) }
}

// ByteForm says how rows of a format become bytes, where a level multiplies them by many rows of X in whole numbers.
func ByteForm(l simd.Level, t compute.DType) (simd.ByteForm, bool) {
	return byteForms[t].ByteForm, l != simd.AVX512 && unpacks(l, t)
}

// unpacks says whether a level brings rows of a format to bytes.
func unpacks(l simd.Level, t compute.DType) bool {
	_, ok := byteForms[t]
	return ok && (l >= simd.AVX2 || l == simd.NEON && simd.HasSDOT)
}

// Unpack makes bytes of whole blocks of a row of a format that has a ByteForm: len(q) elements.
func Unpack(t compute.DType, q []uint8, d, m []float32, src []byte) {
	byteForms[t].unpack(q, d, m, src)
}

// unpackedRow is the memory of decoders.
type unpackedRow struct {
	q    [simd.ByteCols]uint8
	d, m [simd.ByteCols / 16]float32
}

var unpackedRows = sync.Pool{New: func() any { return new(unpackedRow) }}

// decoder decodes whole blocks of n elements and size bytes as what they are unpacked to.
func (f byteForm) decoder(n, size int) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		r := unpackedRows.Get().(*unpackedRow)
		defer unpackedRows.Put(r)
		for len(dst) > 0 {
			k := min(len(dst), simd.ByteCols)
			f.unpack(r.q[:k], r.d[:], r.m[:], src)
			simd.DecodeBytes(dst[:k], r.q[:k], r.d[:], r.m[:], f.ByteForm)
			dst, src = dst[k:], src[k/n*size:]
		}
	}
}
