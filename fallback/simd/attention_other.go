//go:build !amd64

package simd

// There is no level above Plain, so nobody calls these.

func (l Level) gemm(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	panic(noKernel)
}
func (l Level) rowDots(out []float32, r Rows, x []float32)    { panic(noKernel) }
func (l Level) rowSums(sums, a []float32, r Rows)             { panic(noKernel) }
func (l Level) exp(n int, dst, x *float32)                    { panic(noKernel) }
func (l Level) swiglu(n int, dst, x, y *float32)              { panic(noKernel) }
func (l Level) max(n int, x *float32) float32                 { panic(noKernel) }
func (l Level) expSum(n int, x *float32, top float32) float32 { panic(noKernel) }
