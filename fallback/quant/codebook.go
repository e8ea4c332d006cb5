package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// The codebooks, widened once at start: 4608 points, 136 KiB.
var (
	iq1    = points8(compute.Codebook(compute.IQ1_S), [4]float32{-1, 0, 1})
	iq2xxs = points8(compute.Codebook(compute.IQ2_XXS), iq2Levels)
	iq2xs  = points8(compute.Codebook(compute.IQ2_XS), iq2Levels)
	iq2s   = points8(compute.Codebook(compute.IQ2_S), iq2Levels)
	iq3xxs = points4(compute.Codebook(compute.IQ3_XXS), [8]float32{4, 12, 20, 28, 36, 44, 52, 62})
	iq3s   = points4(compute.Codebook(compute.IQ3_S), [8]float32{1, 3, 5, 7, 9, 11, 13, 15})

	iq2Levels = [4]float32{8, 25, 43}
)

// The same as bytes, which vector instructions choose from: 34 KiB. They are 128 higher, those of IQ1 eight times as large and 8 higher, so that
// the eighth by which points are moved is a whole number too.
var (
	iq1Bytes    = simd.PointsOf(compute.Codebook(compute.IQ1_S), 0, 8, 16, 0)
	iq2xxsBytes = simd.PointsOf(compute.Codebook(compute.IQ2_XXS), 136, 153, 171, 128)
	iq2xsBytes  = simd.PointsOf(compute.Codebook(compute.IQ2_XS), 136, 153, 171, 128)
	iq2sBytes   = simd.PointsOf(compute.Codebook(compute.IQ2_S), 136, 153, 171, 128)
	iq3xxsBytes = simd.PointsOf(compute.Codebook(compute.IQ3_XXS), 132, 140, 148, 156, 164, 172, 180, 190)
	iq3sBytes   = simd.PointsOf(compute.Codebook(compute.IQ3_S), 129, 131, 133, 135, 137, 139, 141, 143)
)

// points8 widens points of eight coordinates, two bits each.
func points8(packed []uint16, levels [4]float32) [][8]float32 {
	out := make([][8]float32, len(packed))
	for i, p := range packed {
		for j := range out[i] {
			out[i][j] = levels[p>>(2*j)&3]
		}
	}
	return out
}

// points4 widens points of four coordinates, three bits each.
func points4(packed []uint16, levels [8]float32) [][4]float32 {
	out := make([][4]float32, len(packed))
	for i, p := range packed {
		for j := range out[i] {
			out[i][j] = levels[p>>(3*j)&7]
		}
	}
	return out
}
