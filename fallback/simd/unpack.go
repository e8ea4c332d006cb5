//go:build amd64 || arm64

package simd

// The unpackers turn whole blocks of a row into bytes: len(q) elements, at least one block, from src, as a ByteForm says. They need a level
// above Plain.

// UnpackQ8_0 takes blocks of Q8_0, 128 higher than they are.
func UnpackQ8_0(q []uint8, d, m []float32, src []byte) {
	unpackQ8_0(unpacked(q, d, m, src, 32, 34, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_0 takes blocks of Q4_0, 8 higher.
func UnpackQ4_0(q []uint8, d, m []float32, src []byte) {
	unpackQ4_0(unpacked(q, d, m, src, 32, 18, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_1 takes blocks of Q4_1; there are minima.
func UnpackQ4_1(q []uint8, d, m []float32, src []byte) {
	unpackQ4_1(unpacked(q, d, m, src, 32, 20, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_0 takes blocks of Q5_0, 16 higher.
func UnpackQ5_0(q []uint8, d, m []float32, src []byte) {
	unpackQ5_0(unpacked(q, d, m, src, 32, 22, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_1 takes blocks of Q5_1; there are minima.
func UnpackQ5_1(q []uint8, d, m []float32, src []byte) {
	unpackQ5_1(unpacked(q, d, m, src, 32, 24, 1), &src[0], &q[0], &d[0], &m[0])
}

// UnpackIQ4_NL takes blocks of IQ4_NL, 128 higher; levels are what nibbles stand for.
func UnpackIQ4_NL(q []uint8, d, m []float32, src []byte, levels *[16]int8) {
	unpackIQ4_NL(unpacked(q, d, m, src, 32, 18, 1), &src[0], &q[0], &d[0], &m[0], &levels[0])
}

// UnpackMXFP4 takes blocks of MXFP4, 128 higher; levels are what nibbles stand for, scales what the first byte of a block does.
func UnpackMXFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	unpackMXFP4(unpacked(q, d, m, src, 32, 17, 1), &src[0], &q[0], &d[0], &m[0], &levels[0], &scales[0])
}

// UnpackQ2_K takes blocks of Q2_K; there are scales and minima of each 16 elements.
func UnpackQ2_K(q []uint8, d, m []float32, src []byte) {
	unpackQ2_K(unpacked(q, d, m, src, 256, 84, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ3_K takes blocks of Q3_K, 4 higher; there are scales of each 16 elements.
func UnpackQ3_K(q []uint8, d, m []float32, src []byte) {
	unpackQ3_K(unpacked(q, d, m, src, 256, 110, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ4_K takes blocks of Q4_K; there are minima.
func UnpackQ4_K(q []uint8, d, m []float32, src []byte) {
	unpackQ4_K(unpacked(q, d, m, src, 256, 144, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ5_K takes blocks of Q5_K; there are minima.
func UnpackQ5_K(q []uint8, d, m []float32, src []byte) {
	unpackQ5_K(unpacked(q, d, m, src, 256, 176, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ6_K takes blocks of Q6_K, 32 higher; there are scales of each 16 elements.
func UnpackQ6_K(q []uint8, d, m []float32, src []byte) {
	unpackQ6_K(unpacked(q, d, m, src, 256, 210, 16), &src[0], &q[0], &d[0], &m[0])
}

// UnpackIQ4_XS takes blocks of IQ4_XS, 128 higher; levels are what nibbles stand for.
func UnpackIQ4_XS(q []uint8, d, m []float32, src []byte, levels *[16]int8) {
	unpackIQ4_XS(unpacked(q, d, m, src, 256, 136, 8), &src[0], &q[0], &d[0], &m[0], &levels[0])
}

// unpacked is the number of blocks of q, whose bytes and scales must be there.
func unpacked(q []uint8, d, m []float32, src []byte, length, size, scales int) int {
	n := len(q) / length
	if n == 0 || len(q)%length != 0 || len(src) < n*size || min(len(d), len(m)) < n*scales {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return n
}
