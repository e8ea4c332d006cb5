package fallback

// dot is Σ x[k]·y[k] in ascending k. Products of two float32 are exact in float64, so that a machine's fused
// multiply-add gives the same bits.
func dot(x, y []float32) float64 {
	y = y[:len(x)]
	var sum float64
	for k, v := range x {
		sum += float64(v) * float64(y[k])
	}
	return sum
}

// dot4 is dot of x with four vectors side by side: the same four sums, bit for bit, in a third of the time.
func dot4(x, a, b, c, d []float32) [lanes]float64 {
	a, b, c, d = a[:len(x)], b[:len(x)], c[:len(x)], d[:len(x)]
	var s0, s1, s2, s3 float64
	for k, v := range x {
		v := float64(v)
		s0 += v * float64(a[k])
		s1 += v * float64(b[k])
		s2 += v * float64(c[k])
		s3 += v * float64(d[k])
	}
	return [lanes]float64{s0, s1, s2, s3}
}

// dotFast is the dot product of fast arithmetic: float32, eight partial sums (element k in sum k mod 8), added in pairs.
// The conversions forbid the compiler to fuse, so that machines agree.
func dotFast(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	k := 0
	for ; k+8 <= len(x); k += 8 {
		a, b := x[k:k+8:k+8], y[k:k+8:k+8]
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		s4 += float32(a[4] * b[4])
		s5 += float32(a[5] * b[5])
		s6 += float32(a[6] * b[6])
		s7 += float32(a[7] * b[7])
	}
	var tail float32
	for ; k < len(x); k++ {
		tail += float32(x[k] * y[k])
	}
	return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)) + tail
}
