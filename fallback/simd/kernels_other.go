//go:build !amd64 && !arm64

package simd

// There is no level above Plain, so nobody calls these.

func (l Level) exactTile(x [][]float64, w []float32, sums []float64) { panic(noKernel) }
func (l Level) floatTile(x [][]float32, w, w2, sums []float32)       { panic(noKernel) }
func (l Level) gemm(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	panic(noKernel)
}
func (l Level) rowDots(out []float32, r Rows, x []float32)                            { panic(noKernel) }
func (l Level) rowSums(sums, a []float32, r Rows)                                     { panic(noKernel) }
func (l Level) exp(n int, dst, x *float32)                                            { panic(noKernel) }
func (l Level) gate(n int, dst, x, y *float32, a, b float32)                          { panic(noKernel) }
func (l Level) gelu(n int, dst, x, y *float32)                                        { panic(noKernel) }
func (l Level) softCap(n int, dst, x *float32, factor, limit float32)                 { panic(noKernel) }
func (l Level) max(n int, x *float32) float32                                         { panic(noKernel) }
func (l Level) expSum(n int, x *float32, top float32) float32                         { panic(noKernel) }
func (l Level) DotF32(w []byte, x, out []float32)                                     { panic(noKernel) }
func (l Level) DotF16(w []byte, x, out []float32)                                     { panic(noKernel) }
func (l Level) DotBF16(w []byte, x, out []float32)                                    { panic(noKernel) }
func DecodeF16(dst []float32, src []byte)                                             { panic(noKernel) }
func DecodeBF16(dst []float32, src []byte)                                            { panic(noKernel) }
func (l Level) transpose(dst []float32, ldd int, src []float32, lds, rows, n int) int { return 0 }
