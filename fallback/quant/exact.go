package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// exactDots multiply simd.StoredRows rows of a format as they are stored, to the bits that decoding and multiplying gives.
var exactDots = map[compute.DType]func(w []byte, x []float64, sums *[simd.StoredRows]float64) bool{
	compute.Q8_0: simd.ExactQ8_0,
	compute.Q4_0: simd.ExactQ4_0,
}

// ExactDot is the product that a level has for a format: Σ w[i][k]·x[k] in ascending k with float64 sums of simd.StoredRows rows that lie
// one behind the other, or nil. It reports whether all sums are finite; else they say nothing.
func ExactDot(l simd.Level, t compute.DType) func(w []byte, x []float64, sums *[simd.StoredRows]float64) bool {
	if l < simd.AVX512 {
		return nil
	}
	return exactDots[t]
}
