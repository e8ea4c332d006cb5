package simd

func (l Level) quantize(b *Bytes, x []float32) {
	quantizeNEON(len(b.D), &x[0], &b.Upper[0], &b.Lower[0], &b.D[0], &b.S[0], &b.H[0])
}
