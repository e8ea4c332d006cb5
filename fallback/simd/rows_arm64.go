package simd

func (l Level) rowDots(out []float32, r Rows, x []float32) {
	kernel := rowDotsF32
	switch r.Format {
	case F16:
		kernel = rowDotsF16
	case BF16:
		kernel = rowDotsBF16
	}
	kernel(len(out), &out[0], &r.Data[0], r.Stride, len(x), &x[0])
}

func (l Level) rowSums(sums, a []float32, r Rows) {
	kernel := rowSumsF32
	switch r.Format {
	case F16:
		kernel = rowSumsF16
	case BF16:
		kernel = rowSumsBF16
	}
	kernel(len(a), &a[0], &r.Data[0], r.Stride, len(sums), &sums[0])
}

// The dot products take rows of weights, as they are stored, one behind the other: out[r] is the product of row r.

// DotF32 multiplies rows of float32; len(x) is a multiple of 32.
func (l Level) DotF32(w []byte, x, out []float32) {
	l.RowDots(out, Rows{Format: F32, Data: w, Stride: 4 * len(x)}, x)
}

// DotF16 multiplies rows of binary16.
func (l Level) DotF16(w []byte, x, out []float32) {
	l.RowDots(out, Rows{Format: F16, Data: w, Stride: 2 * len(x)}, x)
}

// DotBF16 multiplies rows of the upper halves of float32.
func (l Level) DotBF16(w []byte, x, out []float32) {
	l.RowDots(out, Rows{Format: BF16, Data: w, Stride: 2 * len(x)}, x)
}

// DecodeF16 takes binary16, a multiple of 8 of them.
func DecodeF16(dst []float32, src []byte) { inSixteens(dst, src, decodeF16) }

// DecodeBF16 takes the upper halves of float32, a multiple of 8 of them.
func DecodeBF16(dst []float32, src []byte) { inSixteens(dst, src, decodeBF16) }

// inSixteens decodes elements of two bytes, the last eight, if they are left over, in memory of their own.
func inSixteens(dst []float32, src []byte, kernel func(n int, dst *float32, src *byte)) {
	if len(dst) == 0 || len(dst)%8 != 0 || len(src) < 2*len(dst) {
		panic("BUG: simd: too few elements or bytes to decode")
	}
	n := len(dst) &^ (rowBlock - 1)
	if n > 0 {
		kernel(n, &dst[0], &src[0])
	}
	if n < len(dst) {
		var bytes [2 * rowBlock]byte
		var last [rowBlock]float32
		copy(bytes[:16], src[2*n:])
		kernel(rowBlock, &last[0], &bytes[0])
		copy(dst[n:], last[:8])
	}
}
