//go:build amd64 || arm64

package simd

// The unpackers of formats whose elements are points of a codebook, which is handed in as bytes.

// UnpackIQ1_S takes blocks of IQ1_S, 9 higher than they are; points are eight times as large, and 8 higher.
func UnpackIQ1_S(q []uint8, d, m []float32, src []byte, points *Points) {
	unpackIQ1_S(unpacked(q, d, m, src, 256, 50, 8), &src[0], &q[0], &d[0], &m[0], &points.Bytes[:8*2048][0])
}

// UnpackIQ1_M takes blocks of IQ1_M, 9 higher; points are eight times as large, and 8 higher; there are scales of each 16 elements.
func UnpackIQ1_M(q []uint8, d, m []float32, src []byte, points *Points) {
	unpackIQ1_M(unpacked(q, d, m, src, 256, 56, 16), &src[0], &q[0], &d[0], &m[0], &points.Bytes[:8*2048][0])
}

// UnpackIQ2_XXS takes blocks of IQ2_XXS, 128 higher, as points are.
func UnpackIQ2_XXS(q []uint8, d, m []float32, src []byte, points *Points) {
	n := unpacked(q, d, m, src, 256, 66, 8)
	if permutes {
		unpackIQ2_XXSVBMI(n, &src[0], &q[0], &d[0], &m[0], &points.Codes[:256][0], &points.Levels[0])
		return
	}
	unpackIQ2_XXS(n, &src[0], &q[0], &d[0], &m[0], &points.Bytes[:8*256][0])
}

// UnpackIQ2_XS takes blocks of IQ2_XS, 128 higher, as points are; there are scales of each 16 elements.
func UnpackIQ2_XS(q []uint8, d, m []float32, src []byte, points *Points) {
	n := unpacked(q, d, m, src, 256, 74, 16)
	if permutes {
		unpackIQ2_XSVBMI(n, &src[0], &q[0], &d[0], &m[0], &points.Codes[:512][0], &points.Levels[0])
		return
	}
	unpackIQ2_XS(n, &src[0], &q[0], &d[0], &m[0], &points.Bytes[:8*512][0])
}

// UnpackIQ2_S takes blocks of IQ2_S, 128 higher, as points are; there are scales of each 16 elements.
func UnpackIQ2_S(q []uint8, d, m []float32, src []byte, points *Points) {
	unpackIQ2_S(unpacked(q, d, m, src, 256, 82, 16), &src[0], &q[0], &d[0], &m[0], &points.Bytes[:8*1024][0])
}

// UnpackIQ3_XXS takes blocks of IQ3_XXS, 128 higher, as points are.
func UnpackIQ3_XXS(q []uint8, d, m []float32, src []byte, points *Points) {
	n := unpacked(q, d, m, src, 256, 98, 8)
	if permutes {
		unpackIQ3_XXSVBMI(n, &src[0], &q[0], &d[0], &m[0], &points.Codes[:256][0], &points.Levels[0])
		return
	}
	unpackIQ3_XXS(n, &src[0], &q[0], &d[0], &m[0], &points.Bytes[:4*256][0])
}

// UnpackIQ3_S takes blocks of IQ3_S, 128 higher, as points are.
func UnpackIQ3_S(q []uint8, d, m []float32, src []byte, points *Points) {
	n := unpacked(q, d, m, src, 256, 110, 8)
	if permutes {
		unpackIQ3_SVBMI(n, &src[0], &q[0], &d[0], &m[0], &points.Codes[:512][0], &points.Levels[0])
		return
	}
	unpackIQ3_S(n, &src[0], &q[0], &d[0], &m[0], &points.Bytes[:4*512][0])
}
