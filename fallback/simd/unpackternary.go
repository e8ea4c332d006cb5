//go:build amd64 || arm64

package simd

// The unpackers of formats of few bits with one scale a block, and of NVFP4.

// UnpackTQ1_0 takes blocks of TQ1_0, 1 higher than they are.
func UnpackTQ1_0(q []uint8, d, m []float32, src []byte) {
	unpackTQ1_0(unpacked(q, d, m, src, 256, 54, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackTQ2_0 takes blocks of TQ2_0, 1 higher.
func UnpackTQ2_0(q []uint8, d, m []float32, src []byte) {
	unpackTQ2_0(unpacked(q, d, m, src, 256, 66, 8), &src[0], &q[0], &d[0], &m[0])
}

// UnpackNVFP4 takes blocks of NVFP4, 128 higher; levels are what nibbles stand for, scales what the first four bytes of a block do. There are
// scales of each 16 elements.
func UnpackNVFP4(q []uint8, d, m []float32, src []byte, levels *[16]int8, scales *[256]float32) {
	unpackNVFP4(unpacked(q, d, m, src, 64, 36, 4), &src[0], &q[0], &d[0], &m[0], &levels[0], &scales[0])
}

// UnpackQ1_0 takes blocks of Q1_0, 1 higher.
func UnpackQ1_0(q []uint8, d, m []float32, src []byte) {
	unpackQ1_0(unpacked(q, d, m, src, 128, 18, 4), &src[0], &q[0], &d[0], &m[0])
}

// UnpackQ2_0 takes blocks of Q2_0, 1 higher.
func UnpackQ2_0(q []uint8, d, m []float32, src []byte) {
	unpackQ2_0(unpacked(q, d, m, src, 64, 18, 2), &src[0], &q[0], &d[0], &m[0])
}
