//go:build !amd64 && !arm64

package simd

func UnpackTQ1_0(q []uint8, d, m []float32, src []byte) { panic(noKernel) }
func UnpackTQ2_0(q []uint8, d, m []float32, src []byte) { panic(noKernel) }
func UnpackQ1_0(q []uint8, d, m []float32, src []byte)  { panic(noKernel) }
func UnpackQ2_0(q []uint8, d, m []float32, src []byte)  { panic(noKernel) }
func UnpackNVFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	panic(noKernel)
}
