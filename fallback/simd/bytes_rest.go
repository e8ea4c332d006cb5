//go:build !amd64 && !arm64

package simd

// These are of amd64 and arm64.

func (l Level) quantize(b *Bytes, x []float32)       { panic(noKernel) }
func (l Level) byteRow(dst []ByteBlock, x []float32) { panic(noKernel) }
func (l Level) bytePeak(n int)                       { panic(noKernel) }
func (l Level) byteTile(rows, n int, x []ByteBlock, stride int, p *BytePanels, f ByteForm, sums []float32) {
	panic(noKernel)
}
func (l Level) bytePanel(n int, dst *[2 * Width * ByteCols]uint8, src *[Width * ByteCols]uint8, base uint8) {
	panic(noKernel)
}
