package simd

import "math/bits"

type gemmKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int)

// The kernels for 1, 2, 4 and 8 rows.
var (
	gemm512x32 = [4]gemmKernel{gemm512x1x32, gemm512x2x32, gemm512x4x32, gemm512x8x32}
	gemm512x16 = [4]gemmKernel{gemm512x1x16, gemm512x2x16, gemm512x4x16, gemm512x8x16}
	gemm256x16 = [3]gemmKernel{gemm256x1x16, gemm256x2x16, gemm256x4x16}
)

func (l Level) gemm(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	for j := 0; j < n; {
		kernels, columns := gemm256x16[:], 16
		switch {
		case l >= AVX512 && n-j >= 32:
			kernels, columns = gemm512x32[:], 32
		case l >= AVX512:
			kernels = gemm512x16[:]
		}
		for i := 0; i < m; {
			r := tileRows(m-i, l)
			kernels[bits.Len(uint(r))-1](k, &a[lda*i], lda, &b[j], ldb, &c[ldc*i+j], ldc)
			i += r
		}
		j += columns
	}
}
