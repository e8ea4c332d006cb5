package quant

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// rowVectors are the formats of which vector instructions decode many rows in one call, of 8 elements or a multiple.
var rowVectors = [256]func(dst []float32, src []byte, rows, stride, ahead int){
	compute.F16:  simd.DecodeRowsF16,
	compute.BF16: simd.DecodeRowsBF16,
	compute.Q8_0: simd.DecodeRowsQ8_0,
	compute.Q4_0: simd.DecodeRowsQ4_0,
}
