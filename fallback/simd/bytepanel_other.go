//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func (p *BytePanels) SetQ4_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ8_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ4_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ6_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetIQ4_NLx16(l Level, panel int, src []byte) { panic(noKernel) }
func (p *BytePanels) SetMXFP4x16(l Level, panel int, src []byte)  { panic(noKernel) }
func (p *BytePanels) SetQ5_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ3_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ2_Kx16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetQ5_0x16(l Level, panel int, src []byte)   { panic(noKernel) }
func (p *BytePanels) SetIQ4_XSx16(l Level, panel int, src []byte) { panic(noKernel) }
func (p *BytePanels) SetTQ2_0x16(l Level, panel int, src []byte)  { panic(noKernel) }
func (p *BytePanels) SetTQ1_0x16(l Level, panel int, src []byte)  { panic(noKernel) }
