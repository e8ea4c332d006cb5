package simd

func (l Level) exactTile(x [][]float64, w []float32, sums []float64) {
	n := len(x[0])
	for ; len(x) >= 2; x, sums = x[2:], sums[2*Width:] {
		exactTile2(n, &x[0][0], &x[1][0], &w[0], &sums[0])
	}
	if len(x) > 0 {
		exactTile1(n, &x[0][0], &w[0], &sums[0])
	}
}

func (l Level) floatTile(x [][]float32, w, w2, sums []float32) {
	n := len(x[0])
	for i, panel := range [2][]float32{w, w2} {
		tile(n, len(x), func(r int) *float32 { return &x[r][0] }, &panel[0], Width, func(r int) *float32 { return &sums[Width*(2*r+i)] }, 2*Width)
	}
}

func (l Level) gemm(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	for j := 0; j < n; j += Width {
		tile(k, m, func(i int) *float32 { return &a[lda*i] }, &b[j], ldb, func(i int) *float32 { return &c[ldc*i+j] }, ldc)
	}
}

// tile multiplies m rows, which begin where a says, by 16 columns of b.
func tile(k, m int, a func(row int) *float32, b *float32, ldb int, c func(row int) *float32, ldc int) {
	i := 0
	for ; m-i >= 4; i += 4 {
		gemm4x16(k, a(i), a(i+1), a(i+2), a(i+3), b, ldb, c(i), ldc)
	}
	if m-i >= 2 {
		gemm2x16(k, a(i), a(i+1), b, ldb, c(i), ldc)
		i += 2
	}
	if i < m {
		gemm1x16(k, a(i), b, ldb, c(i), ldc)
	}
}
