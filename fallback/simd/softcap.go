package simd

// SoftCap sets dst[k] = limit·tanh(factor·x[k]/limit), the hyperbolic tangent to within 4 ULP of its argument's and its own roundings; dst may be x. limit is above 0. It needs
// a level above Plain; levels differ in the last bits.
func (l Level) SoftCap(dst, x []float32, factor, limit float32) {
	factor /= limit
	l.inBlocks(dst, x, nil, func(n int, dst, x, _ *float32) { l.softCap(n, dst, x, factor, limit) })
}
