package simd

// ExactTile multiplies rows of x by a panel: for every row r and i < Width
//
//	sums[Width·r+i] += Σ x[r][k]·w[Width·k+i]
//
// in ascending k, with float64 sums. Products of two float32 are exact in float64, so that a fused multiply-add and a product
// with a sum give the same bits: x must hold float32 values. All rows are of one length n, w has at least Width·n elements.
func (l Level) ExactTile(x [][]float64, w []float32, sums []float64) {
	if len(x) == 0 || len(x[0]) == 0 {
		return
	}
	check(len(x[0]), len(w) >= Width*len(x[0]), len(sums) >= Width*len(x), x)
	if l == Plain {
		exactTilePlain(x, w, sums)
		return
	}
	l.exactTile(x, w, sums)
}

// ExactRow is ExactTile of one row by two panels: those of w2 come Width behind those of w in sums.
func (l Level) ExactRow(x []float64, w, w2 []float32, sums []float64) {
	if len(x) == 0 {
		return
	}
	rows := [][]float64{x}
	check(len(x), min(len(w), len(w2)) >= Width*len(x), len(sums) >= 2*Width, rows)
	if l >= AVX512 {
		exactRow(x, w, w2, sums)
		return
	}
	l.ExactTile(rows, w, sums)
	l.ExactTile(rows, w2, sums[Width:])
}

// ExactRows is ExactTile of one row by Width rows of weights, ldw elements apart, instead of a panel of them:
//
//	sums[i] += Σ x[k]·w[ldw·i+k]      k < n, ascending
//
// Beside it, memory is asked for next, which is read by whoever comes behind; it may be nil.
func (l Level) ExactRows(x []float64, w []float32, ldw int, sums []float64, next []byte) {
	n := len(x)
	if n == 0 {
		return
	}
	check(n, ldw >= 0 && len(w) >= ldw*(Width-1)+n, len(sums) >= Width, [][]float64{x})
	k := 0
	if l >= AVX512 && n >= 4 {
		k = n &^ 3
		exactRows(x[:k], w, ldw, sums, next)
	}
	for ; k < n; k++ {
		for i := range Width {
			sums[i] += x[k] * float64(w[ldw*i+k])
		}
	}
}

func exactTilePlain(x [][]float64, w []float32, sums []float64) {
	for r, row := range x {
		s := sums[Width*r : Width*(r+1)]
		for k, v := range row {
			for i, q := range w[Width*k : Width*(k+1)] {
				s[i] += v * float64(q)
			}
		}
	}
}

// AddRows adds multiples of rows of w, ldw elements apart: for every row r of x, all of length n, and i < Width
//
//	sums[Width·r+i] += x[r][k]·w[ldw·k+i]      k < n, ascending
//
// product and sum rounded to float64 one after the other.
func (l Level) AddRows(x [][]float64, w []float32, ldw int, sums []float64) {
	if len(x) == 0 || len(x[0]) == 0 {
		return
	}
	n := len(x[0])
	check(n, ldw >= 0 && len(w) >= ldw*(n-1)+Width, len(sums) >= Width*len(x), x)
	if l >= AVX2 {
		l.addRows(x, w, ldw, sums)
		return
	}
	for r, row := range x {
		s := sums[Width*r : Width*(r+1)]
		for k, v := range row {
			for i, q := range w[ldw*k:][:Width] {
				s[i] += float64(v * float64(q))
			}
		}
	}
}

// FloatTile multiplies rows of x by two panels, w and w2, with float32 sums: for every row r and i < Width
//
//	sums[2·Width·r+i] += Σ x[r][k]·w[Width·k+i]      sums[2·Width·r+Width+i] += Σ x[r][k]·w2[Width·k+i]
//
// in ascending k. Vector instructions fuse product and sum into one rounding, Go does not: levels differ in the last bits.
func (l Level) FloatTile(x [][]float32, w, w2, sums []float32) {
	if len(x) == 0 || len(x[0]) == 0 {
		return
	}
	check(len(x[0]), min(len(w), len(w2)) >= Width*len(x[0]), len(sums) >= 2*Width*len(x), x)
	if l == Plain {
		floatTilePlain(x, w, w2, sums)
		return
	}
	l.floatTile(x, w, w2, sums)
}

func floatTilePlain(x [][]float32, w, w2, sums []float32) {
	for r, row := range x {
		for j, panel := range [2][]float32{w, w2} {
			s := sums[Width*(2*r+j):][:Width]
			for k, v := range row {
				for i, q := range panel[Width*k : Width*(k+1)] {
					s[i] += float32(v * q)
				}
			}
		}
	}
}

// check refuses what would make an assembly kernel reach beyond its slices.
func check[T any](n int, w, sums bool, x [][]T) {
	for _, row := range x {
		if len(row) != n {
			panic("BUG: simd: rows of different lengths")
		}
	}
	if !w || !sums {
		panic("BUG: simd: a panel or the sums are too short")
	}
}
