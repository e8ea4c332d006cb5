package simd

// What these give is how many elements they have done, a multiple of 8.

func (l Level) transpose(dst []float32, ldd int, src []float32, lds, rows, n int) int {
	if n &^= 7; n > 0 {
		for i := 0; i < rows; i += 8 {
			transpose256(n, &dst[i], ldd, &src[lds*i], lds)
		}
	}
	return n
}

func (l Level) widen(dst []float64, src []float32) int {
	n := len(src) &^ 7
	if n > 0 {
		widen256(n, &dst[0], &src[0])
	}
	return n
}

func (l Level) squares(x []float32) (float64, int) {
	n := len(x) &^ 15
	if n == 0 {
		return 0, 0
	}
	return squares256(n, &x[0]), n
}

func (l Level) moments(x []float32, from float64) (sum, squares float64, done int) {
	if done = len(x) &^ 7; done > 0 {
		sum, squares = moments256(done, &x[0], from)
	}
	return sum, squares, done
}

func (l Level) normalized(dst, x, y, z []float32, from, a float32) int {
	n := len(x) &^ 7
	if n > 0 {
		normalized256(n, &dst[0], &x[0], &y[0], &z[0], from, a)
	}
	return n
}

func (l Level) scaledProduct(dst, x, y []float32, a float32) int {
	n := len(x) &^ 7
	if n > 0 {
		scaledProduct256(n, &dst[0], &x[0], &y[0], a)
	}
	return n
}

func (l Level) sum(x []float32) (float32, int) {
	n := len(x) &^ 31
	if n == 0 {
		return 0, 0
	}
	return sum256(n, &x[0]), n
}

func (l Level) scan(s, x, y, z []float32, a float32) (float32, int) {
	n := len(s) &^ 7
	if n == 0 {
		return 0, 0
	}
	return scan256(n, &s[0], &x[0], &y[0], &z[0], a), n
}

// scanSteps takes four rows at a time, and of them whole vectors of columns, whose number it returns.
func (l Level) scanSteps(s []float32, rows, cols int, p *Steps) (done int) {
	n := len(p.Decay)
	for done+16 <= cols {
		kernel, width := scanSteps256, 16
		if l >= AVX512 && done+64 <= cols {
			kernel, width = scanSteps512, 64
		}
		for i := 0; i+4 <= rows; i += 4 {
			kernel(n, &s[i*cols+done], cols, &p.Decay[0], &p.X[i], rows, &p.B[done], p.BStride, &p.C[done], p.CStride, &p.Out[i], p.OutStride)
		}
		done += width
	}
	return done
}

// HasDeltaSteps reports whether DeltaSteps can take states of a shape.
func (l Level) HasDeltaSteps(rows, cols int) bool {
	return l > Plain && rows > 0 && rows%2 == 0 && cols%16 == 0
}

func (l Level) deltaSteps(n int, s []float32, rows, cols int, p *Deltas) {
	for k := 0; k < cols; {
		kernel, width := deltaSteps256, 16
		if l >= AVX512 && k+32 <= cols {
			kernel, width = deltaSteps512, 32
		}
		kernel(n, &s[k], cols, rows, &p.KQ[0], &p.Gates[0], &p.V[k], p.VStride, &p.Out[k], p.OutStride)
		k += width
	}
}

func (l Level) fade(s, x []float32, a, b float32) int {
	n := len(s) &^ 7
	if n > 0 {
		fade256(n, &s[0], &x[0], a, b)
	}
	return n
}
