package simd

// BytesQ4_0x16 multiplies groups of 16 interleaved rows of Q4_0 by one row of X, InOrder: out[r] is the product of row r. There is at
// least one group of one block. It needs VNNI.
func BytesQ4_0x16(w []byte, x *Bytes, out []float32) {
	n := bytesOf(w, x, out, 32, 18)
	if len(out)%Width != 0 {
		panic("BUG: simd: no whole groups of interleaved rows")
	}
	dotQ4_0x16VNNI(len(out)/Width, n, &w[0], &x.Upper[0], &x.Lower[0], &x.D[0], &x.S[0], &out[0])
}

// PanelQ4_0x16 decodes blocks of 16 interleaved rows of Q4_0, at least one, to the panel of as many elements. It needs AVX-512.
func PanelQ4_0x16(dst []float32, src []byte) {
	panelQ4_0x16AVX512(blocks(dst, src, Width*32, Width*18), &dst[0], &src[0])
}
