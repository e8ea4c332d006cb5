//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func EncodeF16(dst []byte, src []float32)                       { panic(noKernel) }
func DecodeQ8_0(dst []float32, src []byte)                      { panic(noKernel) }
func DecodeQ4_0(dst []float32, src []byte)                      { panic(noKernel) }
func DecodeIQ4_NL(dst []float32, src []byte, levels *[16]int8)  { panic(noKernel) }
func DecodeQ4_K(dst []float32, src []byte, scales *[16]float32) { panic(noKernel) }
func DecodeQ6_K(dst []float32, src []byte, scales *[16]float32) { panic(noKernel) }
func DecodeMXFP4(dst []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	panic(noKernel)
}

const noKernel = "BUG: simd: a kernel of another processor was called"
