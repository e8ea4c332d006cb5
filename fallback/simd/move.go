package simd

// Interleave makes a panel of Width rows of n elements, stride elements apart in src: dst[Width·k+i] = src[stride·i+k].
func (l Level) Interleave(dst, src []float32, stride, n int) {
	l.Transpose(dst, Width, src, stride, Width, n)
}

// Transpose makes columns of rows of n elements: dst[ldd·k+i] = src[lds·i+k] for i < rows, a multiple of 8.
func (l Level) Transpose(dst []float32, ldd int, src []float32, lds, rows, n int) {
	if n == 0 || rows == 0 {
		return
	}
	if rows%8 != 0 || lds < 0 || ldd < rows {
		panic("BUG: simd: rows that are no multiple of eight")
	}
	dst, src = dst[:ldd*(n-1)+rows], src[:lds*(rows-1)+n]
	done := 0
	if l > Plain {
		done = l.transpose(dst, ldd, src, lds, rows, n)
	}
	for i := range rows {
		for k := done; k < n; k++ {
			dst[ldd*k+i] = src[lds*i+k]
		}
	}
}

// Widen converts src to float64: dst[k] = src[k].
func (l Level) Widen(dst []float64, src []float32) {
	dst = dst[:len(src)]
	done := 0
	if l > Plain {
		done = l.widen(dst, src)
	}
	for k := done; k < len(src); k++ {
		dst[k] = float64(src[k])
	}
}

// Squares is Σ x[k]², with float64 sums in an order of its own.
func (l Level) Squares(x []float32) (s float64) {
	if l > Plain {
		var done int
		s, done = l.squares(x)
		x = x[done:]
	}
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// Moments are Σ x[k]−from and Σ (x[k]−from)², with float64 sums in an order of its own.
func (l Level) Moments(x []float32, from float64) (sum, squares float64) {
	if l > Plain {
		var done int
		sum, squares, done = l.moments(x, from)
		x = x[done:]
	}
	for _, v := range x {
		d := float64(v) - from
		sum += d
		squares += d * d
	}
	return sum, squares
}

// Normalized sets dst[k] = ((x[k]−from)·a)·y[k] + z[k] in float32. dst may be any of them.
func (l Level) Normalized(dst, x, y, z []float32, from, a float32) {
	dst, y, z = dst[:len(x)], y[:len(x)], z[:len(x)]
	done := 0
	if l > Plain {
		done = l.normalized(dst, x, y, z, from, a)
	}
	for k := done; k < len(x); k++ {
		dst[k] = float32(float32(x[k]-from)*a)*y[k] + z[k]
	}
}

// ScaledProduct sets dst[k] = (x[k]·a)·y[k], rounded twice. dst may be x or y.
func (l Level) ScaledProduct(dst, x, y []float32, a float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	done := 0
	if l > Plain {
		done = l.scaledProduct(dst, x, y, a)
	}
	for k := done; k < len(x); k++ {
		dst[k] = float32(x[k]*a) * y[k]
	}
}

// Sum adds up x, in no order that anybody may rely on: it measures how fast memory is read.
func (l Level) Sum(x []float32) (s float32) {
	if l > Plain {
		var done int
		if s, done = l.sum(x); done > 0 {
			x = x[done:]
		}
	}
	var a [4]float32
	for ; len(x) >= 4; x = x[4:] {
		a[0] += x[0]
		a[1] += x[1]
		a[2] += x[2]
		a[3] += x[3]
	}
	for _, v := range x {
		s += v
	}
	return s + (a[0] + a[1]) + (a[2] + a[3])
}
