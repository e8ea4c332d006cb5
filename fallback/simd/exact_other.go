//go:build !amd64

package simd

// No level of these processors has them, so nobody calls these.

const StoredRows = 2 * Width

func ExactQ8_0(w []byte, x []float64, sums *[StoredRows]float64) bool { panic(noKernel) }
func ExactQ4_0(w []byte, x []float64, sums *[StoredRows]float64) bool { panic(noKernel) }
