//go:build !amd64 && !arm64

package simd

// HasSDOT reports whether an arm64 has the dot products of signed bytes.
const HasSDOT = false

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
func (l Level) quantize(b *Bytes, x []float32)       { panic(noKernel) }
func (l Level) byteRow(dst []ByteBlock, x []float32) { panic(noKernel) }
func (l Level) bytePeak(n int)                       { panic(noKernel) }
func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	panic(noKernel)
}
func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	panic(noKernel)
}
