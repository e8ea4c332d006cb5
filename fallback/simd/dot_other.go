//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func (l Level) DotQ8_0(w []byte, x *Words) float32                     { panic(noKernel) }
func (l Level) DotQ4_0(w []byte, x *Words) float32                     { panic(noKernel) }
func (l Level) DotIQ4_NL(w []byte, x *Words, levels *[16]int8) float32 { panic(noKernel) }
func (l Level) DotQ4_K(w []byte, x *Words) float32                     { panic(noKernel) }
func (l Level) DotQ6_K(w []byte, x *Words) float32                     { panic(noKernel) }
func (l Level) DotMXFP4(w []byte, x *Words, levels *[16]int8, scales *[256]float32) float32 {
	panic(noKernel)
}
