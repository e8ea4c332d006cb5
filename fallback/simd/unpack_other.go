//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func (p *BytePanels) SetQ4_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ8_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ4_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ6_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetIQ4_NLx16(l Level, panel int, src []byte) { panic(noKernel) }
func (p *BytePanels) SetMXFP4x16(l Level, panel int, src []byte)  { panic(noKernel) }
func (l Level) byteRow(dst []ByteBlock, x []float32)              { panic(noKernel) }
func (l Level) bytePeak(n int)                                    { panic(noKernel) }
func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	panic(noKernel)
}
func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	panic(noKernel)
}
