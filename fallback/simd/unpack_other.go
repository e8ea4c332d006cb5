//go:build !amd64 && !arm64

package simd

// These are of amd64 and arm64.

func UnpackQ8_0(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ4_0(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ4_1(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ5_0(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ5_1(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackIQ4_NL(q []uint8, d, m []float32, src []byte, levels *[16]int8) { panic(noKernel) }
func UnpackQ2_K(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ3_K(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ4_K(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ5_K(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackQ6_K(q []uint8, d, m []float32, src []byte)                     { panic(noKernel) }
func UnpackIQ4_XS(q []uint8, d, m []float32, src []byte, levels *[16]int8) { panic(noKernel) }
func UnpackMXFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	panic(noKernel)
}

func UnpackIQ1_S(q []uint8, d, m []float32, src []byte, points *Points)   { panic(noKernel) }
func UnpackIQ1_M(q []uint8, d, m []float32, src []byte, points *Points)   { panic(noKernel) }
func UnpackIQ2_XXS(q []uint8, d, m []float32, src []byte, points *Points) { panic(noKernel) }
func UnpackIQ2_XS(q []uint8, d, m []float32, src []byte, points *Points)  { panic(noKernel) }
func UnpackIQ2_S(q []uint8, d, m []float32, src []byte, points *Points)   { panic(noKernel) }
func UnpackIQ3_XXS(q []uint8, d, m []float32, src []byte, points *Points) { panic(noKernel) }
func UnpackIQ3_S(q []uint8, d, m []float32, src []byte, points *Points)   { panic(noKernel) }

func UnpackTQ1_0(q []uint8, d, m []float32, src []byte) { panic(noKernel) }
func UnpackTQ2_0(q []uint8, d, m []float32, src []byte) { panic(noKernel) }
func UnpackQ1_0(q []uint8, d, m []float32, src []byte)  { panic(noKernel) }
func UnpackQ2_0(q []uint8, d, m []float32, src []byte)  { panic(noKernel) }
func UnpackNVFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	panic(noKernel)
}

func DecodeBytes(dst []float32, q []uint8, d, m []float32, f ByteForm) { panic(noKernel) }
