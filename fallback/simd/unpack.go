//go:build amd64 || arm64

package simd

// unpacked is the number of blocks of q, whose bytes and scales must be there.
func unpacked(q []uint8, d, m []float32, src []byte, length, size, scales int) int {
	n := len(q) / length
	if n == 0 || len(q)%length != 0 || len(src) < n*size || min(len(d), len(m)) < n*scales {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return n
}
