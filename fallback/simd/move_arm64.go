package simd

func (l Level) transpose(dst []float32, ldd int, src []float32, lds, rows, n int) int {
	if n &^= 3; n > 0 {
		for i := 0; i < rows; i += 8 {
			transposeNEON(n, &dst[i], ldd, &src[lds*i], lds)
		}
	}
	return n
}
