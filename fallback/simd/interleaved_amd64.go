package simd

// The products take groups of 16 interleaved rows and one row of X, InOrder: out[r] is the product of row r. There is at least one group
// of one block. They need VNNI.

// BytesQ4_0x16 multiplies interleaved rows of Q4_0.
func BytesQ4_0x16(w []byte, x *Bytes, out []float32) {
	groups, n := groupsOf(w, x, out, 32, 18)
	dotQ4_0x16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ4_Kx16 multiplies interleaved rows of Q4_K.
func BytesQ4_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := groupsOf(w, x, out, 256, 144)
	dotQ4_Kx16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// BytesQ6_Kx16 multiplies interleaved rows of Q6_K.
func BytesQ6_Kx16(w []byte, x *Bytes, out []float32) {
	groups, n := groupsOf(w, x, out, 256, 210)
	dotQ6_Kx16VNNI(groups, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.H[0], &out[0])
}

// groupsOf is the number of groups, and of blocks of a row, whose bytes must be there.
func groupsOf(w []byte, x *Bytes, out []float32, length, size int) (groups, n int) {
	n = bytesOf(w, x, out, length, size)
	if len(out)%Width != 0 {
		panic("BUG: simd: no whole groups of interleaved rows")
	}
	return len(out) / Width, n
}

// The panels decode blocks of 16 interleaved rows, at least one, to the panel of as many elements. They need AVX-512.

// PanelQ4_0x16 decodes interleaved rows of Q4_0.
func PanelQ4_0x16(dst []float32, src []byte) {
	panelQ4_0x16AVX512(blocks(dst, src, Width*32, Width*18), &dst[0], &src[0])
}

// PanelQ4_Kx16 decodes interleaved rows of Q4_K.
func PanelQ4_Kx16(dst []float32, src []byte) {
	panelQ4_Kx16AVX512(blocks(dst, src, Width*256, Width*144), &dst[0], &src[0])
}

// PanelQ6_Kx16 decodes interleaved rows of Q6_K.
func PanelQ6_Kx16(dst []float32, src []byte) {
	panelQ6_Kx16AVX512(blocks(dst, src, Width*256, Width*210), &dst[0], &src[0])
}
