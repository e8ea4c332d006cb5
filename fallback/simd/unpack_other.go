//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

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
func (p *BytePanels) SetQ4_0x16(l Level, panel int, src []byte)            { panic(noKernel) }
func (p *BytePanels) SetQ8_0x16(l Level, panel int, src []byte)            { panic(noKernel) }
func (p *BytePanels) SetQ4_Kx16(l Level, panel int, src []byte)            { panic(noKernel) }
func (p *BytePanels) SetQ6_Kx16(l Level, panel int, src []byte)            { panic(noKernel) }
func (p *BytePanels) SetIQ4_NLx16(l Level, panel int, src []byte)          { panic(noKernel) }
func (p *BytePanels) SetMXFP4x16(l Level, panel int, src []byte)           { panic(noKernel) }
func (l Level) byteRow(dst []ByteBlock, x []float32)                       { panic(noKernel) }
func (l Level) bytePeak(n int)                                             { panic(noKernel) }
func UnpackMXFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	panic(noKernel)
}
func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	panic(noKernel)
}
func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	panic(noKernel)
}
func (p *BytePanels) SetQ5_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ3_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ2_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ5_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetIQ4_XSx16(l Level, panel int, src []byte) { panic(noKernel) }
