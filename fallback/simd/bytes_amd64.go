package simd

func (l Level) quantize(b *Bytes, x []float32) {
	if l.multipliesWords() {
		quantizeAVX2(len(b.D), &x[0], &b.Upper[0], &b.Lower[0], &b.W[0], &b.D[0], &b.S[0], &b.H[0])
		return
	}
	quantizeAVX512(len(b.D), &x[0], &b.Upper[0], &b.Lower[0], &b.D[0], &b.S[0], &b.H[0])
}

// The products take rows of weights, as they are stored, one behind the other, and one row of X, in the order that they name: out[r] is
// the product of row r. There is at least one row of one block. They need VNNI.

// BytesQ8_0 multiplies rows of Q8_0; InOrder.
func BytesQ8_0(w []byte, x *Bytes, out []float32) {
	dotQ8_0VNNI(len(out), bytesOf(w, x, out, 32, 34), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ4_0 multiplies rows of Q4_0; Halves.
func BytesQ4_0(w []byte, x *Bytes, out []float32) {
	dotQ4_0VNNI(len(out), bytesOf(w, x, out, 32, 18), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ4_1 multiplies rows of Q4_1; Halves.
func BytesQ4_1(w []byte, x *Bytes, out []float32) {
	dotQ4_1VNNI(len(out), bytesOf(w, x, out, 32, 20), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ5_0 multiplies rows of Q5_0; Halves.
func BytesQ5_0(w []byte, x *Bytes, out []float32) {
	dotQ5_0VNNI(len(out), bytesOf(w, x, out, 32, 22), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ5_1 multiplies rows of Q5_1; Halves.
func BytesQ5_1(w []byte, x *Bytes, out []float32) {
	dotQ5_1VNNI(len(out), bytesOf(w, x, out, 32, 24), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesIQ4_NL multiplies rows of IQ4_NL; Halves; levels are what nibbles stand for.
func BytesIQ4_NL(w []byte, x *Bytes, out []float32, levels *[16]int8) {
	dotIQ4_NLVNNI(len(out), bytesOf(w, x, out, 32, 18), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0], &levels[0])
}

// BytesMXFP4 multiplies rows of MXFP4; Halves; levels are twice what nibbles stand for.
func BytesMXFP4(w []byte, x *Bytes, out []float32, levels *[16]int8) {
	dotMXFP4VNNI(len(out), bytesOf(w, x, out, 32, 17), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0], &levels[0])
}

// BytesQ4_K multiplies rows of Q4_K; Crossed.
func BytesQ4_K(w []byte, x *Bytes, out []float32) {
	dotQ4_KVNNI(len(out), bytesOf(w, x, out, 256, 144), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ5_K multiplies rows of Q5_K; Crossed.
func BytesQ5_K(w []byte, x *Bytes, out []float32) {
	dotQ5_KVNNI(len(out), bytesOf(w, x, out, 256, 176), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ6_K multiplies rows of Q6_K; InOrder.
func BytesQ6_K(w []byte, x *Bytes, out []float32) {
	dotQ6_KVNNI(len(out), bytesOf(w, x, out, 256, 210), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesQ2_K multiplies rows of Q2_K; InOrder.
func BytesQ2_K(w []byte, x *Bytes, out []float32) {
	dotQ2_KVNNI(len(out), bytesOf(w, x, out, 256, 84), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesQ3_K multiplies rows of Q3_K; InOrder.
func BytesQ3_K(w []byte, x *Bytes, out []float32) {
	dotQ3_KVNNI(len(out), bytesOf(w, x, out, 256, 110), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesIQ4_XS multiplies rows of IQ4_XS; Halves; levels are what nibbles stand for.
func BytesIQ4_XS(w []byte, x *Bytes, out []float32, levels *[16]int8) {
	dotIQ4_XSVNNI(len(out), bytesOf(w, x, out, 256, 136), &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0], &levels[0])
}

// bytesOf is the number of blocks of a row, whose bytes must be there.
func bytesOf(w []byte, x *Bytes, out []float32, length, size int) int {
	n := len(x.Upper) / length
	if best < VNNI || n == 0 || len(out) == 0 || len(x.Upper)%length != 0 || len(w) < n*size*len(out) {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return n
}
