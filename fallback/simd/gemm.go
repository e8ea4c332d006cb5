package simd

// Gemm adds a product of matrices, each of which lies row by row with so many elements from row to row: for i < m and j < n, a
// multiple of Width,
//
//	c[ldc·i+j] += Σ a[lda·i+p]·b[ldb·p+j]      p < k, ascending
//
// with float32 sums, in one order for every m, n and place in them. Vector instructions fuse product and sum into one rounding, Go does
// not: levels differ in the last bits. c aliases neither a nor b.
func (l Level) Gemm(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	if m == 0 || n == 0 || k == 0 {
		return
	}
	a, b, c = a[:lda*(m-1)+k], b[:ldb*(k-1)+n], c[:ldc*(m-1)+n]
	if n%Width != 0 || lda < 0 || ldb < 0 || ldc < 0 {
		panic("BUG: simd: columns that are no whole panels")
	}
	if l == Plain {
		gemmPlain(m, n, k, a, lda, b, ldb, c, ldc)
		return
	}
	l.gemm(m, n, k, a, lda, b, ldb, c, ldc)
}

func gemmPlain(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	for i := range m {
		sums := c[ldc*i:][:n]
		for p, x := range a[lda*i:][:k] {
			for j, w := range b[ldb*p:][:n] {
				sums[j] += float32(x * w)
			}
		}
	}
}
