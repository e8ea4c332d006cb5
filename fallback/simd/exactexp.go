package simd

import "math"

// The elementwise functions of exact arithmetic give what plain Go gives, bit for bit, here where Go's exponential is that of a processor
// with FMA.

// ExpMinus sets x[k] = exp(x[k] − top).
func (l Level) ExpMinus(x []float64, top float64) {
	done := 0
	if n := len(x) &^ 7; l >= AVX512 && n > 0 {
		exactExpMinus512(n, &x[0], top)
		done = n
	}
	for k := done; k < len(x); k++ {
		x[k] = math.Exp(x[k] - top)
	}
}

// Divide sets x[k] = x[k]/by.
func (l Level) Divide(x []float64, by float64) {
	done := 0
	if n := len(x) &^ 7; l >= AVX512 && n > 0 {
		exactDivide512(n, &x[0], by)
		done = n
	}
	for k := done; k < len(x); k++ {
		x[k] /= by
	}
}

// ExactSwiGLU sets dst[k] = x[k]/(1+exp(−x[k]))·y[k] in float64, rounded to float32 in the end. dst may be x or y.
func (l Level) ExactSwiGLU(dst, x, y []float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	done := 0
	if n := len(x) &^ 7; l >= AVX512 && n > 0 {
		exactSwiGLU512(n, &dst[0], &x[0], &y[0])
		done = n
	}
	for k := done; k < len(x); k++ {
		v := float64(x[k])
		dst[k] = float32(v / (1 + math.Exp(-v)) * float64(y[k]))
	}
}
