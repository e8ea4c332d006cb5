package simd

// The dot products take a row of weights, as it is stored, and one of X: at least one block. They need a level above Plain.

// DotF32 is the product of len(x) elements, a multiple of 32, of float32.
func DotF32(w []byte, x []float32) float32 { return dotF32(floats(w, x, 4), &w[0], &x[0]) }

// DotF16 is the product of binary16.
func DotF16(w []byte, x []float32) float32 { return dotF16(floats(w, x, 2), &w[0], &x[0]) }

// DotBF16 is the product of the upper halves of float32.
func DotBF16(w []byte, x []float32) float32 { return dotBF16(floats(w, x, 2), &w[0], &x[0]) }

func floats(w []byte, x []float32, size int) int {
	if len(x) == 0 || len(x)%32 != 0 || len(w) < size*len(x) {
		panic("BUG: simd: a row of weights that is too short, or no whole blocks")
	}
	return len(x)
}

// DotQ8_0 is the product of a row of Q8_0.
func (l Level) DotQ8_0(w []byte, x *Words) float32 {
	n := l.rows(w, x, 32, 34)
	if l >= AVX512 {
		return dotQ8_0AVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
	}
	return dotQ8_0AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotQ4_0 is the product of a row of Q4_0.
func (l Level) DotQ4_0(w []byte, x *Words) float32 {
	n := l.rows(w, x, 32, 18)
	if l >= AVX512 {
		return dotQ4_0AVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
	}
	return dotQ4_0AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotIQ4_NL is the product of a row of IQ4_NL; levels are what its nibbles stand for.
func (l Level) DotIQ4_NL(w []byte, x *Words, levels *[16]int8) float32 {
	n := l.rows(w, x, 32, 18)
	if l >= AVX512 {
		return dotIQ4_NLAVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0])
	}
	return dotIQ4_NLAVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0])
}

// DotMXFP4 is the product of a row of MXFP4; levels are what its nibbles stand for, scales what the first byte of a block does.
func (l Level) DotMXFP4(w []byte, x *Words, levels *[16]int8, scales *[256]float32) float32 {
	n := l.rows(w, x, 32, 17)
	if l >= AVX512 {
		return dotMXFP4AVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0], &scales[0])
	}
	return dotMXFP4AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0], &scales[0])
}

// DotQ4_K is the product of a row of Q4_K.
func (l Level) DotQ4_K(w []byte, x *Words) float32 {
	n := l.rows(w, x, 256, 144)
	if l >= AVX512 {
		return dotQ4_KAVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
	}
	return dotQ4_KAVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotQ6_K is the product of a row of Q6_K.
func (l Level) DotQ6_K(w []byte, x *Words) float32 {
	n := l.rows(w, x, 256, 210)
	if l >= AVX512 {
		return dotQ6_KAVX512(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
	}
	return dotQ6_KAVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// rows is the number of blocks of a row, whose bytes must be there.
func (l Level) rows(w []byte, x *Words, length, size int) int {
	n := len(x.Q) / length
	if l == Plain || n == 0 || len(x.Q)%length != 0 || len(w) < n*size {
		panic("BUG: simd: a row of weights that is too short, or no whole blocks")
	}
	return n
}
