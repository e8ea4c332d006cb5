package simd

// RotateHalves turns pairs (x[i], x[half+i]) for i < half by angles, a cosine and a sine of each, in float64, rounded to float32 in the end:
//
//	out[i] = x[i]·cos − x[half+i]·sin      out[half+i] = x[i]·sin + x[half+i]·cos
//
// x and out have 2·half elements; out may be x. Levels give the same bits.
func (l Level) RotateHalves(out, x, angles []float32) {
	half := len(x) / 2
	out, angles = out[:2*half], angles[:2*half]
	done := 0
	if n := half &^ 7; l >= AVX512 && n > 0 {
		rotateHalves512(n, &out[0], &x[0], half, &angles[0])
		done = n
	}
	for i := done; i < half; i++ {
		out[i], out[half+i] = rotate(x[i], x[half+i], angles[2*i], angles[2*i+1])
	}
}

// RotatePairs is RotateHalves of pairs (x[2i], x[2i+1]).
func (l Level) RotatePairs(out, x, angles []float32) {
	pairs := len(x) / 2
	out, angles = out[:2*pairs], angles[:2*pairs]
	done := 0
	if n := pairs &^ 3; l >= AVX512 && n > 0 {
		rotatePairs512(n, &out[0], &x[0], &angles[0])
		done = n
	}
	for i := done; i < pairs; i++ {
		out[2*i], out[2*i+1] = rotate(x[2*i], x[2*i+1], angles[2*i], angles[2*i+1])
	}
}

// rotate turns one pair. The conversions keep the compiler from fusing a product and a sum.
func rotate(a, b, cosine, sine float32) (x, y float32) {
	u, v, cos, sin := float64(a), float64(b), float64(cosine), float64(sine)
	return float32(float64(u*cos) - float64(v*sin)), float32(float64(u*sin) + float64(v*cos))
}

// Add sets dst[k] = x[k] + y[k]. dst may be x or y. Levels give the same bits.
func (l Level) Add(dst, x, y []float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	done := 0
	if n := len(x) &^ 7; l >= AVX2 && n > 0 {
		add256(n, &dst[0], &x[0], &y[0])
		done = n
	}
	for k := done; k < len(x); k++ {
		dst[k] = x[k] + y[k]
	}
}
