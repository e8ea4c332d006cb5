package simd

import "math"

// Exp sets dst[k] = exp(x[k]), to within 1 ULP at every float32 (0.5 is the best there is), denormals included. dst may be x. It needs a
// level above Plain; levels give the same bits.
func (l Level) Exp(dst, x []float32) {
	l.inBlocks(dst, x, nil, func(n int, dst, x, _ *float32) { l.exp(n, dst, x) })
}

// inBlocks runs a kernel over whole blocks, and over what is left in a block of its own.
func (l Level) inBlocks(dst, x, y []float32, kernel func(n int, dst, x, y *float32)) {
	n := len(x) &^ (rowBlock - 1)
	dst = dst[:len(x)]
	if y == nil {
		y = x
	}
	y = y[:len(x)]
	if n > 0 {
		kernel(n, &dst[0], &x[0], &y[0])
	}
	if n < len(x) {
		var last [3][rowBlock]float32
		copy(last[1][:], x[n:])
		copy(last[2][:], y[n:])
		kernel(rowBlock, &last[0][0], &last[1][0], &last[2][0])
		copy(dst[n:], last[0][:])
	}
}

// Max is the largest element of x, whole blocks of 16, or −∞; of what is not a number it takes no notice. It needs a level above Plain.
func (l Level) Max(x []float32) float32 {
	if len(x)%rowBlock != 0 {
		panic("BUG: simd: no whole blocks")
	}
	if len(x) == 0 {
		return float32(math.Inf(-1))
	}
	return l.max(len(x), &x[0])
}

// ExpSum sets x[k] = exp(x[k]−top) and returns their sum, in an order of its own. x is whole blocks of 16. It needs a level above Plain.
func (l Level) ExpSum(x []float32, top float32) float32 {
	if len(x)%rowBlock != 0 {
		panic("BUG: simd: no whole blocks")
	}
	if len(x) == 0 {
		return 0
	}
	return l.expSum(len(x), &x[0], top)
}
