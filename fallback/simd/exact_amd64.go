package simd

// StoredRows is how many rows of weights the products of exact arithmetic take as they are stored.
const StoredRows = 2 * Width

// The products take StoredRows rows of weights, as they are stored, one behind the other, and one row of X, which holds float32 values:
// sums[i] = Σ x[k]·row i[k] in ascending k with float64 sums. What they report is whether all sums are finite; else sums say nothing.
// They need AVX-512.

// ExactQ8_0 multiplies rows of Q8_0.
func ExactQ8_0(w []byte, x []float64, sums *[StoredRows]float64) bool {
	n := exactBlocks(w, x, 34)
	exactQ8_0(n, &w[0], 34*n, &x[0], &sums[0])
	return finite(sums[:])
}

// ExactQ4_0 multiplies rows of Q4_0.
func ExactQ4_0(w []byte, x []float64, sums *[StoredRows]float64) bool {
	n := exactBlocks(w, x, 18)
	exactQ4_0(n, &w[0], 18*n, &x[0], &sums[0])
	return finite(sums[:])
}

// exactBlocks is the number of blocks of 32 of a row, whose bytes must be there.
func exactBlocks(w []byte, x []float64, size int) int {
	n := len(x) / 32
	if best < AVX512 || n == 0 || len(x)%32 != 0 || len(w) < n*size*StoredRows {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return n
}

func finite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
