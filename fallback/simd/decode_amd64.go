package simd

// The decoders turn whole blocks into float32: len(dst) elements, at least one block, from src. They need a level above Plain,
// and give the bits that fallback/quant gives.

// DecodeF16 takes binary16, a multiple of 8 of them.
func DecodeF16(dst []float32, src []byte) {
	decodeF16(1, blocks(dst, src, 8, 16), &dst[0], &src[0], 0, 0)
}

// EncodeF16 makes binary16 of src, a multiple of 8 of them, as compute.F32ToF16 does. It needs a level above Plain.
func EncodeF16(dst []byte, src []float32) { encodeF16(8*blocks(src, dst, 8, 16), &dst[0], &src[0]) }

// DecodeBF16 takes the upper halves of float32, a multiple of 8 of them.
func DecodeBF16(dst []float32, src []byte) {
	decodeBF16(1, blocks(dst, src, 8, 16), &dst[0], &src[0], 0, 0)
}

// DecodeQ8_0 takes blocks of Q8_0.
func DecodeQ8_0(dst []float32, src []byte) {
	decodeQ8_0(1, blocks(dst, src, 32, 34), &dst[0], &src[0], 0, 0)
}

// DecodeQ4_0 takes blocks of Q4_0.
func DecodeQ4_0(dst []float32, src []byte) {
	decodeQ4_0(1, blocks(dst, src, 32, 18), &dst[0], &src[0], 0, 0)
}

// The decoders of rows take len(dst)/rows elements of each, whole blocks, and stride bytes from one row to the next; see Rows for ahead.

// DecodeRowsF16 is DecodeF16 of rows.
func DecodeRowsF16(dst []float32, src []byte, rows, stride, ahead int) {
	decodeF16(rows, rowBlocks(dst, src, rows, stride, 8, 16), &dst[0], &src[0], stride, ahead)
}

// DecodeRowsBF16 is DecodeBF16 of rows.
func DecodeRowsBF16(dst []float32, src []byte, rows, stride, ahead int) {
	decodeBF16(rows, rowBlocks(dst, src, rows, stride, 8, 16), &dst[0], &src[0], stride, ahead)
}

// DecodeRowsQ8_0 is DecodeQ8_0 of rows.
func DecodeRowsQ8_0(dst []float32, src []byte, rows, stride, ahead int) {
	decodeQ8_0(rows, rowBlocks(dst, src, rows, stride, 32, 34), &dst[0], &src[0], stride, ahead)
}

// DecodeRowsQ4_0 is DecodeQ4_0 of rows.
func DecodeRowsQ4_0(dst []float32, src []byte, rows, stride, ahead int) {
	decodeQ4_0(rows, rowBlocks(dst, src, rows, stride, 32, 18), &dst[0], &src[0], stride, ahead)
}

// DecodeIQ4_NL takes blocks of IQ4_NL; levels are what its nibbles stand for.
func DecodeIQ4_NL(dst []float32, src []byte, levels *[16]int8) {
	decodeIQ4_NL(blocks(dst, src, 32, 18), &dst[0], &src[0], &levels[0])
}

// DecodeMXFP4 takes blocks of MXFP4; levels are what its nibbles stand for, scales what its first byte does.
func DecodeMXFP4(dst []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	decodeMXFP4(blocks(dst, src, 32, 17), &dst[0], &src[0], &levels[0], &scales[0])
}

// DecodeQ4_K takes one block of Q4_K; scales are d·scale of each 32 elements, then dmin·min of each.
func DecodeQ4_K(dst []float32, src []byte, scales *[16]float32) {
	decodeQ4_K(blocks(dst, src, 256, 144), &dst[0], &src[0], &scales[0])
}

// DecodeQ6_K takes one block of Q6_K; scales are d·scale of each 16 elements.
func DecodeQ6_K(dst []float32, src []byte, scales *[16]float32) {
	decodeQ6_K(blocks(dst, src, 256, 210), &dst[0], &src[0], &scales[0])
}

// rowBlocks is the number of blocks of each row of dst, whose bytes must be there.
func rowBlocks(dst []float32, src []byte, rows, stride, length, size int) int {
	if rows <= 0 || stride < 0 || len(dst)%(rows*length) != 0 || len(src) < (rows-1)*stride {
		panic("BUG: simd: too few rows, or no whole blocks, to decode")
	}
	return blocks(dst[:len(dst)/rows], src[(rows-1)*stride:], length, size)
}

// blocks is the number of blocks of dst, whose bytes must be there.
func blocks(dst []float32, src []byte, length, size int) int {
	n := len(dst) / length
	if n == 0 || len(src) < n*size {
		panic("BUG: simd: too few elements or bytes to decode")
	}
	return n
}
