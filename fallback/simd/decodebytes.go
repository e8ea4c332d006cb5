//go:build amd64 || arm64

package simd

// DecodeBytes gives the elements of a row that is unpacked, whole blocks of 32: len(dst), each operation of the form rounded once.
func DecodeBytes(dst []float32, q []uint8, d, m []float32, f ByteForm) {
	n := len(dst) / 32
	if n == 0 || len(dst)%32 != 0 || len(q) < len(dst) || min(len(d), len(m)) < f.Scales(len(dst)) {
		panic("BUG: simd: a row of bytes that is too short, or in no whole blocks")
	}
	base := float32(f.Base)
	switch { // by name, so that memory may be on the caller's stack
	case f.Halves && f.Minima:
		decodeByteHalvesMinima(n, &dst[0], &q[0], &d[0], &m[0], base)
	case f.Halves:
		decodeByteHalves(n, &dst[0], &q[0], &d[0], &m[0], base)
	case f.Minima:
		decodeBytesMinima(n, &dst[0], &q[0], &d[0], &m[0], base)
	default:
		decodeBytes(n, &dst[0], &q[0], &d[0], &m[0], base)
	}
}
