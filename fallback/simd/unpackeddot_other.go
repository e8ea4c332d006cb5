//go:build !amd64 && !arm64

package simd

func (l Level) unpackedDot(w []uint8, d, less []float32, f ByteForm, x *Bytes, k int, factors, sums []float32, unit float32) float32 {
	panic(noKernel)
}
