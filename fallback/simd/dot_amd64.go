package simd

// The dot products take a row of weights, as it is stored, and one of X: at least one block. They need a level above Plain.

// DotF32 sets out to the products of rows of float32, which lie one behind the other, with len(x) elements, a multiple of 32.
func (l Level) DotF32(w []byte, x, out []float32) {
	if n := floats(w, x, out, 4); l >= AVX512 {
		dotF32AVX512(len(out), n, &w[0], &x[0], &out[0])
	} else {
		dotF32AVX2(len(out), n, &w[0], &x[0], &out[0])
	}
}

// DotF16 is DotF32 of binary16.
func (l Level) DotF16(w []byte, x, out []float32) {
	if n := floats(w, x, out, 2); l >= AVX512 {
		dotF16AVX512(len(out), n, &w[0], &x[0], &out[0])
	} else {
		dotF16AVX2(len(out), n, &w[0], &x[0], &out[0])
	}
}

// DotBF16 is DotF32 of the upper halves of float32.
func (l Level) DotBF16(w []byte, x, out []float32) {
	if n := floats(w, x, out, 2); l >= AVX512 {
		dotBF16AVX512(len(out), n, &w[0], &x[0], &out[0])
	} else {
		dotBF16AVX2(len(out), n, &w[0], &x[0], &out[0])
	}
}

func floats(w []byte, x, out []float32, size int) int {
	if len(x) == 0 || len(out) == 0 || len(x)%32 != 0 || len(w) < size*len(x)*len(out) {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return len(x)
}

// DotQ8_0 is the product of a row of Q8_0.
func (l Level) DotQ8_0(w []byte, x *Words) float32 {
	n := l.rows(w, x, 32, 34)
	return dotQ8_0AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotQ4_0 is the product of a row of Q4_0.
func (l Level) DotQ4_0(w []byte, x *Words) float32 {
	n := l.rows(w, x, 32, 18)
	return dotQ4_0AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotIQ4_NL is the product of a row of IQ4_NL; levels are what its nibbles stand for.
func (l Level) DotIQ4_NL(w []byte, x *Words, levels *[16]int8) float32 {
	n := l.rows(w, x, 32, 18)
	return dotIQ4_NLAVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0])
}

// DotMXFP4 is the product of a row of MXFP4; levels are what its nibbles stand for, scales what the first byte of a block does.
func (l Level) DotMXFP4(w []byte, x *Words, levels *[16]int8, scales *[256]float32) float32 {
	n := l.rows(w, x, 32, 17)
	return dotMXFP4AVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0], &levels[0], &scales[0])
}

// DotQ4_K is the product of a row of Q4_K.
func (l Level) DotQ4_K(w []byte, x *Words) float32 {
	n := l.rows(w, x, 256, 144)
	return dotQ4_KAVX2(n, &w[0], &x.Q[0], &x.D[0], &x.S[0])
}

// DotQ6_K is the product of a row of Q6_K.
func (l Level) DotQ6_K(w []byte, x *Words) float32 {
	n := l.rows(w, x, 256, 210)
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
