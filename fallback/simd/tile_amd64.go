package simd

import "math/bits"

func (l Level) exactTile(x [][]float64, w []float32, sums []float64) {
	n := len(x[0])
	for len(x) > 0 {
		r := tileRows(len(x), l)
		switch {
		case l >= AVX512 && r == 8:
			exactTile512x8(n, &x[0], &w[0], &sums[0])
		case l >= AVX512 && r == 4:
			exactTile512x4(n, &x[0], &w[0], &sums[0])
		case l >= AVX512 && r == 2:
			exactTile512x2(n, &x[0], &w[0], &sums[0])
		case l >= AVX512:
			exactTile512x1(n, &x[0], &w[0], &sums[0])
		case r == 4:
			exactTile256x4(n, &x[0], &w[0], &sums[0])
			exactTile256x4(n, &x[0], &w[8], &sums[8])
		case r == 2:
			exactTile256x2(n, &x[0], &w[0], &sums[0])
			exactTile256x2(n, &x[0], &w[8], &sums[8])
		default:
			exactTile256x1(n, &x[0], &w[0], &sums[0])
			exactTile256x1(n, &x[0], &w[8], &sums[8])
		}
		x, sums = x[r:], sums[r*Width:]
	}
}

func exactRows(x []float64, w []float32, ldw int, sums []float64, next []byte) {
	var first *byte
	if len(next) > 0 {
		first = &next[0]
	}
	exactRows512(len(x), &x[0], &w[0], ldw, &sums[0], first, len(next)/(len(x)/4))
}

func exactRow(x []float64, w, w2 []float32, sums []float64) {
	exactRow512(len(x), &x[0], &w[0], &w2[0], &sums[0])
}

// The kernels for 1, 2, 4 and 8 rows.
var (
	addRows512 = [4]addRowsKernel{addRows512x1, addRows512x2, addRows512x4, addRows512x8}
	addRows256 = [3]addRowsKernel{addRows256x1, addRows256x2, addRows256x4}
)

type addRowsKernel func(n int, x *[]float64, w *float32, ldw int, sums *float64)

func (l Level) addRows(x [][]float64, w []float32, ldw int, sums []float64) {
	n := len(x[0])
	for len(x) > 0 {
		r := tileRows(len(x), l)
		kernel := bits.Len(uint(r)) - 1
		if l >= AVX512 {
			addRows512[kernel](n, &x[0], &w[0], ldw, &sums[0])
		} else {
			addRows256[kernel](n, &x[0], &w[0], ldw, &sums[0])
			addRows256[kernel](n, &x[0], &w[8], ldw, &sums[8])
		}
		x, sums = x[r:], sums[r*Width:]
	}
}

func (l Level) floatTile(x [][]float32, w, w2, sums []float32) {
	n := len(x[0])
	for len(x) > 0 {
		r := tileRows(len(x), l)
		switch {
		case l >= AVX512 && r == 8:
			floatTile512x8(n, &x[0], &w[0], &w2[0], &sums[0])
		case l >= AVX512 && r == 4:
			floatTile512x4(n, &x[0], &w[0], &w2[0], &sums[0])
		case l >= AVX512 && r == 2:
			floatTile512x2(n, &x[0], &w[0], &w2[0], &sums[0])
		case l >= AVX512:
			floatTile512x1(n, &x[0], &w[0], &w2[0], &sums[0])
		case r == 4:
			floatTile256x4(n, &x[0], &w[0], &sums[0])
			floatTile256x4(n, &x[0], &w2[0], &sums[Width])
		case r == 2:
			floatTile256x2(n, &x[0], &w[0], &sums[0])
			floatTile256x2(n, &x[0], &w2[0], &sums[Width])
		default:
			floatTile256x1(n, &x[0], &w[0], &sums[0])
			floatTile256x1(n, &x[0], &w2[0], &sums[Width])
		}
		x, sums = x[r:], sums[r*2*Width:]
	}
}

// tileRows is how many of n rows the next tile takes: the largest of 8, 4, 2 and 1; AVX2 has registers for 4.
func tileRows(n int, l Level) int {
	switch {
	case n >= 8 && l >= AVX512:
		return 8
	case n >= 4:
		return 4
	}
	return min(n, 2)
}
