package simd

// The panels of blocks of 16 interleaved rows, at least one, of panel p. They need AVX2.

// SetQ4_0x16 takes interleaved rows of Q4_0.
func (p *BytePanels) SetQ4_0x16(l Level, panel int, src []byte) {
	n := panelBlocks(src, 32, 18)
	if l.words() {
		wordsQ4_0x16AVX2(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
		return
	}
	unpackQ4_0x16AVX512(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ8_0x16 takes interleaved rows of Q8_0, for words.
func (p *BytePanels) SetQ8_0x16(_ Level, panel int, src []byte) {
	wordsQ8_0x16AVX2(panelBlocks(src, 32, 34), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetIQ4_NLx16 takes interleaved rows of IQ4_NL, for words.
func (p *BytePanels) SetIQ4_NLx16(_ Level, panel int, src []byte) {
	wordsIQ4_NLx16AVX2(panelBlocks(src, 32, 18), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetMXFP4x16 takes interleaved rows of MXFP4, for words.
func (p *BytePanels) SetMXFP4x16(_ Level, panel int, src []byte) {
	wordsMXFP4x16AVX2(panelBlocks(src, 32, 17), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ4_Kx16 takes interleaved rows of Q4_K; there are minima.
func (p *BytePanels) SetQ4_Kx16(l Level, panel int, src []byte) {
	n := panelBlocks(src, 256, 144)
	if l.words() {
		wordsQ4_Kx16AVX2(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
		return
	}
	unpackQ4_Kx16AVX512(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ6_Kx16 takes interleaved rows of Q6_K; there are scales of each 16 elements.
func (p *BytePanels) SetQ6_Kx16(l Level, panel int, src []byte) {
	n := panelBlocks(src, 256, 210)
	if l.words() {
		wordsQ6_Kx16AVX2(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
		return
	}
	unpackQ6_Kx16AVX512(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ5_Kx16 takes interleaved rows of Q5_K, for words; there are minima.
func (p *BytePanels) SetQ5_Kx16(_ Level, panel int, src []byte) {
	wordsQ5_Kx16AVX2(panelBlocks(src, 256, 176), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ3_Kx16 takes interleaved rows of Q3_K, for words; there are scales of each 16 elements.
func (p *BytePanels) SetQ3_Kx16(_ Level, panel int, src []byte) {
	wordsQ3_Kx16AVX2(panelBlocks(src, 256, 110), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ2_Kx16 takes interleaved rows of Q2_K, for words; there are scales and minima of each 16 elements.
func (p *BytePanels) SetQ2_Kx16(_ Level, panel int, src []byte) {
	wordsQ2_Kx16AVX2(panelBlocks(src, 256, 84), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetQ5_0x16 takes interleaved rows of Q5_0, for words.
func (p *BytePanels) SetQ5_0x16(_ Level, panel int, src []byte) {
	wordsQ5_0x16AVX2(panelBlocks(src, 32, 22), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetIQ4_XSx16 takes interleaved rows of IQ4_XS, for words.
func (p *BytePanels) SetIQ4_XSx16(_ Level, panel int, src []byte) {
	wordsIQ4_XSx16AVX2(panelBlocks(src, 256, 136), &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetTQ2_0x16 takes interleaved rows of TQ2_0.
func (p *BytePanels) SetTQ2_0x16(l Level, panel int, src []byte) {
	n := panelBlocks(src, 256, 66)
	if l.words() {
		wordsTQ2_0x16AVX2(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
		return
	}
	unpackTQ2_0x16AVX512(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// SetTQ1_0x16 takes interleaved rows of TQ1_0.
func (p *BytePanels) SetTQ1_0x16(l Level, panel int, src []byte) {
	n := panelBlocks(src, 256, 54)
	if l.words() {
		wordsTQ1_0x16AVX2(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
		return
	}
	unpackTQ1_0x16AVX512(n, &src[0], &p.Q[panel][0], &p.D[panel][0], &p.M[panel][0])
}

// panelBlocks is the number of blocks of 16 rows of size bytes and length elements each, for which a panel has room.
func panelBlocks(src []byte, length, size int) int {
	n := len(src) / (Width * size)
	if n == 0 || n > ByteCols/length {
		panic("BUG: simd: more blocks than a panel has, or none")
	}
	return n
}
