package simd

// The dot products take a row of weights, as it is stored, and one of X: at least one block. They need a level above Plain.

// DotF32 sets out to the products of rows of float32, which lie one behind the other, with len(x) elements, a multiple of 32.
func (l Level) DotF32(w []byte, x, out []float32) {
	dotF32AVX2(len(out), floats(w, x, out, 4), &w[0], &x[0], &out[0], floatsAhead)
}

// DotF16 is DotF32 of binary16.
func (l Level) DotF16(w []byte, x, out []float32) {
	dotF16AVX2(len(out), floats(w, x, out, 2), &w[0], &x[0], &out[0], floatsAhead)
}

// DotBF16 is DotF32 of the upper halves of float32.
func (l Level) DotBF16(w []byte, x, out []float32) {
	dotBF16AVX2(len(out), floats(w, x, out, 2), &w[0], &x[0], &out[0], floatsAhead)
}

// floatsAhead is how far rows of four places are asked for ahead of their use, in bytes. Intel's cores read them a fifth faster so, AMD's a little slower.
var floatsAhead = func() int {
	if vendor() == 'G'|'e'<<8|'n'<<16|'u'<<24 { // GenuineIntel
		return 1024
	}
	return 0
}()

func floats(w []byte, x, out []float32, size int) int {
	if len(x) == 0 || len(out) == 0 || len(x)%32 != 0 || len(w) < size*len(x)*len(out) {
		panic("BUG: simd: rows of weights that are too short, or no whole blocks")
	}
	return len(x)
}
