//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

func (l Level) BytesQ4_0x16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) BytesQ8_0x16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) BytesQ4_Kx16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) BytesQ6_Kx16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) PanelQ4_0x16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) PanelQ8_0x16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) PanelQ4_Kx16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) PanelQ6_Kx16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) BytesIQ4_NLx16(w []byte, x *Bytes, out []float32) { panic(noKernel) }
func (l Level) BytesMXFP4x16(w []byte, x *Bytes, out []float32)  { panic(noKernel) }
func (l Level) PanelIQ4_NLx16(dst []float32, src []byte)         { panic(noKernel) }
func (l Level) PanelMXFP4x16(dst []float32, src []byte)          { panic(noKernel) }
func (l Level) BytesQ5_Kx16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) PanelQ5_Kx16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) BytesQ3_Kx16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) PanelQ3_Kx16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) BytesQ2_Kx16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) PanelQ2_Kx16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) BytesQ5_0x16(w []byte, x *Bytes, out []float32)   { panic(noKernel) }
func (l Level) PanelQ5_0x16(dst []float32, src []byte)           { panic(noKernel) }
func (l Level) BytesIQ4_XSx16(w []byte, x *Bytes, out []float32) { panic(noKernel) }
func (l Level) PanelIQ4_XSx16(dst []float32, src []byte)         { panic(noKernel) }
func (l Level) BytesTQ2_0x16(w []byte, x *Bytes, out []float32)  { panic(noKernel) }
func (l Level) PanelTQ2_0x16(dst []float32, src []byte)          { panic(noKernel) }
func (l Level) BytesTQ1_0x16(w []byte, x *Bytes, out []float32)  { panic(noKernel) }
func (l Level) PanelTQ1_0x16(dst []float32, src []byte)          { panic(noKernel) }
