//go:build !amd64 && !arm64

package simd

func UnpackIQ1_S(q []uint8, d, m []float32, src []byte, points [][8]uint8)   { panic(noKernel) }
func UnpackIQ1_M(q []uint8, d, m []float32, src []byte, points [][8]uint8)   { panic(noKernel) }
func UnpackIQ2_XXS(q []uint8, d, m []float32, src []byte, points [][8]uint8) { panic(noKernel) }
func UnpackIQ2_XS(q []uint8, d, m []float32, src []byte, points [][8]uint8)  { panic(noKernel) }
func UnpackIQ2_S(q []uint8, d, m []float32, src []byte, points [][8]uint8)   { panic(noKernel) }
func UnpackIQ3_XXS(q []uint8, d, m []float32, src []byte, points [][4]uint8) { panic(noKernel) }
func UnpackIQ3_S(q []uint8, d, m []float32, src []byte, points [][4]uint8)   { panic(noKernel) }
