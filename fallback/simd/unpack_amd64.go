package simd

// The unpackers turn whole blocks of a row into bytes: len(q) elements, at least one block, from src, as a ByteForm says. They need AVX2.

// UnpackQ8_0 takes blocks of Q8_0, 128 higher than they are.
func UnpackQ8_0(q []uint8, d, m []float32, src []byte) {
	unpackQ8_0AVX2(unpacked(q, d, m, src, 32, 34, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_0 takes blocks of Q4_0, 8 higher.
func UnpackQ4_0(q []uint8, d, m []float32, src []byte) {
	unpackQ4_0AVX2(unpacked(q, d, m, src, 32, 18, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_1 takes blocks of Q4_1; there are minima.
func UnpackQ4_1(q []uint8, d, m []float32, src []byte) {
	unpackQ4_1AVX2(unpacked(q, d, m, src, 32, 20, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_0 takes blocks of Q5_0, 16 higher.
func UnpackQ5_0(q []uint8, d, m []float32, src []byte) {
	unpackQ5_0AVX2(unpacked(q, d, m, src, 32, 22, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_1 takes blocks of Q5_1; there are minima.
func UnpackQ5_1(q []uint8, d, m []float32, src []byte) {
	unpackQ5_1AVX2(unpacked(q, d, m, src, 32, 24, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackIQ4_NL takes blocks of IQ4_NL, 128 higher; levels are what nibbles stand for.
func UnpackIQ4_NL(q []uint8, d, m []float32, src []byte, levels *[16]int8) {
	unpackIQ4_NLAVX2(unpacked(q, d, m, src, 32, 18, 1), &src[0], &q[0], &d[0], &m[0], &levels[0])
}

// UnpackMXFP4 takes blocks of MXFP4, 128 higher; levels are what nibbles stand for, scales what the first byte of a block does.
func UnpackMXFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	unpackMXFP4AVX2(unpacked(q, d, m, src, 32, 17, 1), &src[0], &q[0], &d[0], &m[0], &levels[0], &scales[0])
}

// UnpackQ2_K takes blocks of Q2_K; there are scales and minima of each 16 elements.
func UnpackQ2_K(q []uint8, d, m []float32, src []byte) {
	unpackQ2_KAVX2(unpacked(q, d, m, src, 256, 84, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ3_K takes blocks of Q3_K, 4 higher; there are scales of each 16 elements.
func UnpackQ3_K(q []uint8, d, m []float32, src []byte) {
	unpackQ3_KAVX2(unpacked(q, d, m, src, 256, 110, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_K takes blocks of Q4_K; there are minima.
func UnpackQ4_K(q []uint8, d, m []float32, src []byte) {
	unpackQ4_KAVX2(unpacked(q, d, m, src, 256, 144, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_K takes blocks of Q5_K; there are minima.
func UnpackQ5_K(q []uint8, d, m []float32, src []byte) {
	unpackQ5_KAVX2(unpacked(q, d, m, src, 256, 176, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ6_K takes blocks of Q6_K, 32 higher; there are scales of each 16 elements.
func UnpackQ6_K(q []uint8, d, m []float32, src []byte) {
	unpackQ6_KAVX2(unpacked(q, d, m, src, 256, 210, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackIQ4_XS takes blocks of IQ4_XS, 128 higher; levels are what nibbles stand for.
func UnpackIQ4_XS(q []uint8, d, m []float32, src []byte, levels *[16]int8) {
	unpackIQ4_XSAVX2(unpacked(q, d, m, src, 256, 136, 8), &src[0], &q[0], &d[0], &m[0], &levels[0])
}

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

// panelBlocks is the number of blocks of 16 rows of size bytes and length elements each, for which a panel has room.
func panelBlocks(src []byte, length, size int) int {
	n := len(src) / (Width * size)
	if n == 0 || n > ByteCols/length {
		panic("BUG: simd: more blocks than a panel has, or none")
	}
	return n
}
