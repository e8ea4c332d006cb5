package conformance

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"tuff/host/compute"
)

// scaleKind is what the scales of random weight blocks are.
type scaleKind uint8

const (
	usualScales     scaleKind = iota // such that weights are of the order of 1/8, either sign
	subnormalScales                  // below 2⁻¹⁴: a device that flushes subnormal halves makes zeros of them
	zeroScales
	largeScales // 2¹⁰ to 2¹⁴
)

// half draws a scale.
func (k scaleKind) half(rng *rand.Rand, t compute.DType) uint16 {
	sign := uint16(rng.IntN(2)) << 15
	switch k {
	case subnormalScales:
		return sign | uint16(1+rng.IntN(0x3ff))
	case zeroScales:
		return sign
	case largeScales:
		return sign | uint16(25+rng.IntN(4))<<10 | uint16(rng.IntN(1<<10))
	}
	return sign | uint16(max(1, 7+rng.IntN(4)-levels[t]))<<10 | uint16(rng.IntN(1<<10))
}

// levels are the powers of two by which a format's integers (with the scales of its groups) exceed 4-bit ones.
var levels = map[compute.DType]int{
	compute.Q5_0: 1, compute.Q5_1: 1, compute.Q8_0: 3, compute.Q8_1: 3, compute.Q2_K: 2, compute.Q3_K: 4, compute.Q4_K: 6, compute.Q5_K: 7,
	compute.Q6_K: 8, compute.IQ4_NL: 3, compute.IQ4_XS: 8, compute.IQ2_XXS: 5, compute.IQ2_XS: 5, compute.IQ2_S: 5, compute.IQ3_XXS: 5, compute.IQ3_S: 5,
}

// randomRows is a [rows, cols] matrix of any format with random contents that decode to finite values.
func randomRows(rng *rand.Rand, t compute.DType, rows, cols int, k scaleKind) []byte {
	size, err := t.Bytes(rows, cols)
	if err != nil {
		panic("BUG: conformance: " + err.Error())
	}
	b := make([]byte, size)
	step := t.BlockBytes()
	for i := 0; i < len(b); i += step {
		randomBlock(rng, t, b[i:i+step], k)
	}
	return b
}

// randomBlock fills one block.
func randomBlock(rng *rand.Rand, t compute.DType, b []byte, k scaleKind) {
	// Plain types take a value in ±1/8, times what the scales are over their usual size.
	plain := func() float32 {
		f := compute.F16ToF32(k.half(rng, t)) * 16
		return f * float32(2*rng.Float64()-1) / 8
	}
	switch t {
	case compute.F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(plain()))
		return
	case compute.F16:
		binary.LittleEndian.PutUint16(b, compute.F32ToF16(plain()))
		return
	case compute.BF16:
		binary.LittleEndian.PutUint16(b, compute.F32ToBF16(plain()))
		return
	case compute.F64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(float64(plain())))
		return
	}
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for _, s := range t.BlockScales() {
		binary.LittleEndian.PutUint16(b[s.At:], k.half(rng, t))
	}
	switch t {
	case compute.IQ1_M: // the half lies in the top four bits of four 16-bit words
		h := k.half(rng, t)
		for i := range 4 {
			b[48+2*i+1] = b[48+2*i+1]&0x0f | byte(h>>(4*i)&0xf)<<4
		}
	case compute.MXFP4: // a power of two, 127 being 1
		b[0] = byte(118 + rng.IntN(12))
	case compute.NVFP4: // four unsigned minifloats E4M3
		for i := range 4 {
			b[i] = byte(0x20 + rng.IntN(0x30))
		}
	case compute.Q8_K: // a float32 scale
		binary.LittleEndian.PutUint32(b, math.Float32bits(compute.F16ToF32(k.half(rng, t))))
	}
}
