package simd

// The products take groups of 16 interleaved rows and one row of X, InOrder: out[r] is the product of row r. There is at least one group
// of one block. They need AVX2.

// BytesQ4_0x16 multiplies interleaved rows of Q4_0.
func (l Level) BytesQ4_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 32, 18)
	if l >= VNNI {
		dotQ4_0x16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
		return
	}
	dotQ4_0x16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ8_0x16 multiplies interleaved rows of Q8_0, by the words of X: four places of as many groups each at once, and then what is left.
func (l Level) BytesQ8_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 32, 34)
	quarter := groups / 4
	if quarter > 0 {
		dotQ8_0x16AVX2(4, quarter, n, &w[0], &x.W[0], &x.D[0], &out[0])
	}
	if at := 4 * quarter; at < groups {
		dotQ8_0x16AVX2(groups-at, 1, n, &w[at*n*Width*34], &x.W[0], &x.D[0], &out[at*Width])
	}
}

// BytesIQ4_NLx16 multiplies interleaved rows of IQ4_NL, by the words of X.
func (l Level) BytesIQ4_NLx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 32, 18)
	dotIQ4_NLx16AVX2(1, groups, n, &w[0], &x.W[0], &x.D[0], &out[0])
}

// BytesMXFP4x16 multiplies interleaved rows of MXFP4, by the words of X.
func (l Level) BytesMXFP4x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 32, 17)
	dotMXFP4x16AVX2(1, groups, n, &w[0], &x.W[0], &x.D[0], &out[0])
}

// BytesQ5_0x16 multiplies interleaved rows of Q5_0, by the words of X.
func (l Level) BytesQ5_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 32, 22)
	dotQ5_0x16AVX2(1, groups, n, &w[0], &x.W[0], &x.D[0], &out[0])
}

// BytesIQ4_XSx16 multiplies interleaved rows of IQ4_XS, by the words of X.
func (l Level) BytesIQ4_XSx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 136)
	dotIQ4_XSx16AVX2(1, groups, n, &w[0], &x.W[0], &x.D[0], &out[0])
}

// BytesQ4_Kx16 multiplies interleaved rows of Q4_K.
func (l Level) BytesQ4_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 144)
	if l >= VNNI {
		dotQ4_Kx16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
		return
	}
	dotQ4_Kx16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ6_Kx16 multiplies interleaved rows of Q6_K.
func (l Level) BytesQ6_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 210)
	if l >= VNNI {
		dotQ6_Kx16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
		return
	}
	dotQ6_Kx16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesQ5_Kx16 multiplies interleaved rows of Q5_K.
func (l Level) BytesQ5_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 176)
	dotQ5_Kx16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ3_Kx16 multiplies interleaved rows of Q3_K.
func (l Level) BytesQ3_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 110)
	dotQ3_Kx16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesQ2_Kx16 multiplies interleaved rows of Q2_K.
func (l Level) BytesQ2_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 84)
	dotQ2_Kx16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// BytesTQ2_0x16 multiplies interleaved rows of TQ2_0.
func (l Level) BytesTQ2_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 66)
	if l >= VNNI {
		dotTQ2_0x16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
		return
	}
	dotTQ2_0x16AVX2(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesTQ1_0x16 multiplies interleaved rows of TQ1_0, with AVX2 by the words of X.
func (l Level) BytesTQ1_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := l.groups(w, x, out, 256, 54)
	if l >= VNNI {
		dotTQ1_0x16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
		return
	}
	dotTQ1_0x16AVX2(groups, n, &w[0], &x.W[0], &x.D[0], &x.S[0], &out[0])
}

// groups is the number of groups, and of blocks of a row, whose bytes must be there.
func (l Level) groups(w []byte, x *Bytes, out []float32, length, size int) (groups, n int) {
	n = len(x.Upper) / length
	if l < AVX2 || n == 0 || len(out) == 0 || len(out)%Width != 0 || len(x.Upper)%length != 0 || len(w) < n*size*len(out) {
		panic("BUG: simd: rows of weights that are too short, or no whole groups of blocks")
	}
	return len(out) / Width, n
}

// The panels decode blocks of 16 interleaved rows, at least one, to the panel of as many elements. They need AVX2.

// PanelQ4_0x16 decodes interleaved rows of Q4_0.
func (l Level) PanelQ4_0x16(dst []float32, src []byte) {
	n := blocks(dst, src, Width*32, Width*18)
	if l >= AVX512 {
		panelQ4_0x16AVX512(n, &dst[0], &src[0])
		return
	}
	panelQ4_0x16AVX2(n, &dst[0], &src[0])
}

// PanelQ8_0x16 decodes interleaved rows of Q8_0.
func (l Level) PanelQ8_0x16(dst []float32, src []byte) {
	panelQ8_0x16AVX2(blocks(dst, src, Width*32, Width*34), &dst[0], &src[0])
}

// PanelIQ4_NLx16 decodes interleaved rows of IQ4_NL.
func (l Level) PanelIQ4_NLx16(dst []float32, src []byte) {
	panelIQ4_NLx16AVX2(blocks(dst, src, Width*32, Width*18), &dst[0], &src[0])
}

// PanelMXFP4x16 decodes interleaved rows of MXFP4.
func (l Level) PanelMXFP4x16(dst []float32, src []byte) {
	panelMXFP4x16AVX2(blocks(dst, src, Width*32, Width*17), &dst[0], &src[0])
}

// PanelQ4_Kx16 decodes interleaved rows of Q4_K.
func (l Level) PanelQ4_Kx16(dst []float32, src []byte) {
	n := blocks(dst, src, Width*256, Width*144)
	if l >= AVX512 {
		panelQ4_Kx16AVX512(n, &dst[0], &src[0])
		return
	}
	panelQ4_Kx16AVX2(n, &dst[0], &src[0])
}

// PanelQ6_Kx16 decodes interleaved rows of Q6_K.
func (l Level) PanelQ6_Kx16(dst []float32, src []byte) {
	n := blocks(dst, src, Width*256, Width*210)
	if l >= AVX512 {
		panelQ6_Kx16AVX512(n, &dst[0], &src[0])
		return
	}
	panelQ6_Kx16AVX2(n, &dst[0], &src[0])
}

// PanelQ5_Kx16 decodes interleaved rows of Q5_K.
func (l Level) PanelQ5_Kx16(dst []float32, src []byte) {
	panelQ5_Kx16AVX2(blocks(dst, src, Width*256, Width*176), &dst[0], &src[0])
}

// PanelQ3_Kx16 decodes interleaved rows of Q3_K.
func (l Level) PanelQ3_Kx16(dst []float32, src []byte) {
	panelQ3_Kx16AVX2(blocks(dst, src, Width*256, Width*110), &dst[0], &src[0])
}

// PanelQ2_Kx16 decodes interleaved rows of Q2_K.
func (l Level) PanelQ2_Kx16(dst []float32, src []byte) {
	panelQ2_Kx16AVX2(blocks(dst, src, Width*256, Width*84), &dst[0], &src[0])
}

// PanelQ5_0x16 decodes interleaved rows of Q5_0.
func (l Level) PanelQ5_0x16(dst []float32, src []byte) {
	panelQ5_0x16AVX2(blocks(dst, src, Width*32, Width*22), &dst[0], &src[0])
}

// PanelIQ4_XSx16 decodes interleaved rows of IQ4_XS.
func (l Level) PanelIQ4_XSx16(dst []float32, src []byte) {
	panelIQ4_XSx16AVX2(blocks(dst, src, Width*256, Width*136), &dst[0], &src[0])
}

// PanelTQ2_0x16 decodes interleaved rows of TQ2_0.
func (l Level) PanelTQ2_0x16(dst []float32, src []byte) {
	panelTQ2_0x16AVX2(blocks(dst, src, Width*256, Width*66), &dst[0], &src[0])
}

// PanelTQ1_0x16 decodes interleaved rows of TQ1_0.
func (l Level) PanelTQ1_0x16(dst []float32, src []byte) {
	panelTQ1_0x16AVX2(blocks(dst, src, Width*256, Width*54), &dst[0], &src[0])
}
