package simd

// SwiGLU sets dst[k] = x[k]/(1+exp(−x[k]))·y[k], the quotient to within 3 ULP for x above −87; below it is 0 to within 1e-36. dst may be x
// or y. It needs a level above Plain; levels give the same bits.
func (l Level) SwiGLU(dst, x, y []float32) { l.Gate(dst, x, y, 1, 0) }

// Gate is SwiGLU with another sigmoid: dst[k] = x[k]/(1+exp(−z))·y[k] with z = x[k]·(a+b·x[k]²), a at least 1 and b not negative. GELU's
// approximation by a hyperbolic tangent has a = 2·√(2/π) and b = 0.044715·a. z is rounded a few times, so that the quotient is off by up to 2⁻²²·|z|
// of itself besides.
func (l Level) Gate(dst, x, y []float32, a, b float32) {
	l.inBlocks(dst, x, y, func(n int, dst, x, y *float32) { l.gate(n, dst, x, y, a, b) })
}

// GELU sets dst[k] = x[k]·Φ(x[k])·y[k] with the distribution function Φ of the normal distribution, x·Φ to within 2⁻²¹·(1+x²) of itself or 1e-36, and 0 for
// −∞. dst may be x or y. It needs a level above Plain.
func (l Level) GELU(dst, x, y []float32) { l.inBlocks(dst, x, y, l.gelu) }
