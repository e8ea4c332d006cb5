package simd

// Scan sets s[k] = x[k]·s[k] + a·y[k] in float32 and returns Σ z[k]·s[k], with float32 sums in an order of its own.
func (l Level) Scan(s, x, y, z []float32, a float32) (sum float32) {
	x, y, z = x[:len(s)], y[:len(s)], z[:len(s)]
	done := 0
	if l > Plain {
		sum, done = l.scan(s, x, y, z, a)
	}
	for k := done; k < len(s); k++ {
		s[k] = x[k]*s[k] + a*y[k]
		sum += z[k] * s[k]
	}
	return sum
}

// Fade sets s[k] = a·s[k] + b·x[k] in float32.
func (l Level) Fade(s, x []float32, a, b float32) {
	x = x[:len(s)]
	done := 0
	if l > Plain {
		done = l.fade(s, x, a, b)
	}
	for k := done; k < len(s); k++ {
		s[k] = a*s[k] + b*x[k]
	}
}
