package simd

// The kernels by format, for AVX2 and for AVX-512.
var (
	rowDotsKernels = [3][2]func(n int, out *float32, rows *byte, stride, ahead, k int, x *float32){
		F32: {rowDotsF32AVX2, rowDotsF32AVX512}, F16: {rowDotsF16AVX2, rowDotsF16AVX512}, BF16: {rowDotsBF16AVX2, rowDotsBF16AVX512}}
	rowSumsKernels = [3][2]func(n int, a *float32, rows *byte, stride, ahead, k int, sums *float32){
		F32: {rowSumsF32AVX2, rowSumsF32AVX512}, F16: {rowSumsF16AVX2, rowSumsF16AVX512}, BF16: {rowSumsBF16AVX2, rowSumsBF16AVX512}}
)

// wide is 1 for the kernels of AVX-512.
func (l Level) wide() int {
	if l >= AVX512 {
		return 1
	}
	return 0
}

func (l Level) rowDots(out []float32, r Rows, x []float32) {
	rowDotsKernels[r.Format][l.wide()](len(out), &out[0], &r.Data[0], r.Stride, r.Ahead, len(x), &x[0])
}

func (l Level) rowSums(sums, a []float32, r Rows) {
	rowSumsKernels[r.Format][l.wide()](len(a), &a[0], &r.Data[0], r.Stride, r.Ahead, len(sums), &sums[0])
}
