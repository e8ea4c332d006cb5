package fallback

import (
	"fmt"

	"tuff/fallback/quant"
	"tuff/fallback/simd"
	"tuff/host/compute"
)

const (
	// groupRows is the number of weight rows that are decoded and multiplied together: two panels.
	groupRows = 2 * simd.Width
	// blockCols is how many elements of them at a time: panels that stay in the second-level cache, whole blocks of any format.
	blockCols = 512
	// dotRows is the most rows of X for which weights are multiplied as they are stored, each row of them by each of X: beyond, to
	// decode them once costs less.
	dotRows = 4
	// byteDotRows is the same where many rows are multiplied in pairs of bytes: a row as it is stored takes 1.1 ms of 110M in Q4_0, panels take 5.9
	// and 0.43 a row of X.
	byteDotRows = 8
	// unpackedDotRows is that of SDOT and SMMLA: by counting instructions for 32 weights of Q4_0, to unpack takes 12, each row of X 14; to make
	// panels 22, each of two rows 7 with SDOT, 5 with SMMLA.
	unpackedDotRows = 1
)

// activations are the rows of X as the vector path reads them: in pieces of blockCols elements, and in exact arithmetic
// widened to float64. The memory is kept from run to run.
type activations struct {
	exact      bool
	level      simd.Level
	rows, cols int
	format     compute.DType // of the weights
	groups     bool          // they are interleaved
	wide       []float64
	parts64    [][]float64 // piece b of row r is number b·rows+r
	parts32    [][]float32
	dot        quant.Dot    // of fast arithmetic with few rows, else NoDot
	exactDot   exactDot     // of exact arithmetic with few rows, where the level has one
	roundings  *roundings   // one for all ops of a program
	bytes      []simd.Bytes // by row, of BytesDot and UnpackedDot
	known      bool         // they are, by an op before that has the same X

	// Of fast arithmetic with many rows on a matrix unit, or in whole numbers.
	tiles, inBytes bool
	threads        int
	panels         *panels   // one for all ops of a program, where there is a matrix unit
	byteRows       *byteRows // the same, where there is none
	form           simd.ByteForm
	run            int         // the number of the first op of those that follow each other and have the same X, from 1 on
	source         [][]float32 // the rows
}

// roundings are few rows of X in pairs of bytes, by their order.
type roundings [simd.NumOrders]struct {
	rows []simd.Bytes
	run  int // the run whose X they are; 0: of none
}

// forget leaves nothing known of them.
func (r *roundings) forget() {
	for i := range r {
		r[i].run = 0
	}
}

// exactDot is quant.ExactDot of a format.
type exactDot = func(w []byte, x []float64, sums *[simd.StoredRows]float64) bool

// few reports whether rows of X are multiplied by weights of a format as they are stored.
func (a *activations) few(rows int, t compute.DType) bool { return rows <= a.mostFew(t) }

// mostFew is up to how many they are.
func (a *activations) mostFew(t compute.DType) int {
	switch {
	case a.byteRows == nil:
	case a.level >= simd.VNNI:
		return byteDotRows
	case a.level.OfARM64():
		if _, bytes := quant.ByteForm(a.level, t); bytes {
			return unpackedDotRows
		}
	}
	return dotRows
}

// begin makes room for rows of X, of which few are multiplied by any row of w, or many.
func (a *activations) begin(rows int, w *tensor, few bool) {
	t, cols := w.DType, w.Cols
	a.rows, a.cols, a.format, a.groups, a.dot, a.exactDot = rows, cols, t, w.buf.interleaved, quant.NoDot, nil
	switch {
	case few && a.exact && !a.groups:
		a.exactDot = quant.ExactDot(a.level, t)
	case few && !a.exact && a.groups:
		a.dot = quant.BytesDot
	case few && !a.exact:
		a.dot = quant.DotOf(a.level, t)
	}
	many := a.dot == quant.NoDot && !a.few(rows, t)
	a.tiles = many && a.panels != nil && t != compute.F32
	if a.inBytes = many && a.byteRows != nil; a.inBytes {
		a.form, a.inBytes = quant.ByteForm(a.level, t)
	}
	if a.tiles || a.inBytes {
		a.source = grown(a.source, rows)
		return
	}
	if a.ofBytes() {
		a.round(rows)
	}
	n := rows * ceil(cols, blockCols)
	if a.dot != quant.NoDot {
		n = rows
	}
	if !a.exact {
		a.parts32 = grown(a.parts32, n)
		return
	}
	a.parts64, a.wide = grown(a.parts64, n), grown(a.wide, rows*cols)
}

// round makes room for rows of X in pairs of bytes, unless they are known.
func (a *activations) round(rows int) {
	r := &a.roundings[a.order()]
	a.known, r.run = a.run != 0 && r.run == a.run, a.run
	if len(r.rows) < rows {
		r.rows = append(r.rows, make([]simd.Bytes, rows-len(r.rows))...)
	}
	a.bytes = r.rows
}

// order is that of X in pairs of bytes.
func (a *activations) order() simd.Order {
	if a.groups {
		return quant.InterleavedOrder
	}
	return quant.OrderOf(a.level, a.format)
}

// ofBytes reports whether X is rounded to pairs of bytes, once for all rows of weights.
func (a *activations) ofBytes() bool { return a.dot == quant.BytesDot || a.dot == quant.UnpackedDot }

// grown is s with n elements, contents unspecified.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// tier ends the name of a kernel by the arithmetic that the step's multiplications are in.
func (a *activations) tier() string {
	switch {
	case a.exact:
		return "_float64"
	case a.tiles:
		return "_amx"
	case a.inBytes || a.ofBytes():
		return "_int8"
	}
	return "_float32"
}

// put sets row r. In fast arithmetic x is kept, not copied.
func (a *activations) put(r int, x []float32) {
	if a.tiles || a.inBytes {
		a.source[r] = x
		return
	}
	if a.exact {
		wide := a.wide[r*a.cols : (r+1)*a.cols]
		a.level.Widen(wide, x)
		for b, k := 0, 0; k < a.cols; b, k = b+1, k+blockCols {
			a.parts64[b*a.rows+r] = wide[k:min(k+blockCols, a.cols)]
		}
		return
	}
	switch a.dot {
	case quant.BytesDot, quant.UnpackedDot:
		if !a.known {
			a.bytes[r].Set(a.level, x, a.order())
		}
		return
	case quant.FloatDot:
		a.parts32[r] = x
		return
	}
	for b, k := 0, 0; k < a.cols; b, k = b+1, k+blockCols {
		a.parts32[b*a.rows+r] = x[k:min(k+blockCols, a.cols)]
	}
}

// share divides n weight rows, of so much work each: those that are multiplied together, and those of a unit, whole groups of them.
func (a *activations) share(n, work int) (group, unit int) {
	switch {
	case a.level == simd.Plain:
		group = lanes
	case a.tiles:
		group = a.tileGroup(n)
	case a.dot == quant.FloatDot, a.level == simd.AVX2 && a.dot != quant.NoDot: // memory is read in four places: the farther each of them goes, the better
		group = groupRows * min(max(n/(2*a.threads*groupRows), 1), 2)
	default:
		group = groupRows
	}
	unit = chunk(n, work)
	return group, ceil(unit, group) * group
}

// multiply takes rows [lo, hi) of X by have rows of w, at most a group, from row first on, and gives out the results of
// each with add behind it, which may be nil: out(r) is where those of row r go.
func (a *activations) multiply(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	switch {
	case a.tiles:
		a.multiplyTiles(wk, lo, hi, w, first, have, add, out)
		return
	case a.inBytes:
		a.multiplyBytes(wk, lo, hi, w, first, have, add, out)
		return
	case a.dot != quant.NoDot:
		a.multiplyStored(wk, lo, hi, w, first, have, add, out)
		return
	case a.exactDot != nil && have == simd.StoredRows && a.multiplyExact(wk, lo, hi, w, first, add, out):
		return
	case a.exact && hi-lo == 1 && have == groupRows && !a.groups && a.level >= simd.AVX512:
		a.multiplyRow(wk, lo, w, first, add, out(lo))
		return
	}
	rows := hi - lo
	memory := wk.float32s(2*groupRows*blockCols + groupRows*rows)
	raw, panels, sums := memory[:groupRows*blockCols], memory[groupRows*blockCols:2*groupRows*blockCols], memory[2*groupRows*blockCols:]
	var sums64 []float64
	if a.exact {
		sums64 = wk.float64s(groupRows * rows)
		clear(sums64)
	} else {
		clear(sums)
	}
	for b, k := 0, 0; k < a.cols; b, k = b+1, k+blockCols {
		n := min(blockCols, a.cols-k)
		lower, upper := panels[:simd.Width*n], panels[simd.Width*n:2*simd.Width*n]
		if !w.decodeGroups(panels, first, have, k, n) {
			w.decodeBlock(raw, n, first, have, k, n)
			a.level.Interleave(lower, raw, n, n)
			if have > simd.Width {
				a.level.Interleave(upper, raw[simd.Width*n:], n, n)
			}
		}
		switch {
		case !a.exact:
			a.level.FloatTile(a.parts32[b*a.rows+lo:b*a.rows+hi], lower, upper, sums)
		default:
			x := a.parts64[b*a.rows+lo : b*a.rows+hi]
			if rows == 1 && have > simd.Width {
				a.level.ExactRow(x[0], lower, upper, sums64)
				break
			}
			a.level.ExactTile(x, lower, sums64)
			if have > simd.Width {
				a.level.ExactTile(x, upper, sums64[simd.Width*rows:])
			}
		}
	}
	for r := range rows {
		dst := out(lo + r)
		for c := range have {
			if a.exact {
				s := sums64[c/simd.Width*simd.Width*rows+simd.Width*r+c%simd.Width]
				if add != nil {
					s += float64(add[c])
				}
				dst[c] = float32(s)
				continue
			}
			s := sums[groupRows*r+c]
			if add != nil {
				s += add[c]
			}
			dst[c] = s
		}
	}
}

// multiplyStored is multiply by weights as they are stored.
func (a *activations) multiplyStored(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	if a.groups {
		a.multiplyGroups(wk, lo, hi, w, first, have, add, out)
		return
	}
	if a.dot == quant.UnpackedDot {
		a.multiplyUnpacked(wk, lo, hi, w, first, have, add, out)
		return
	}
	stored := w.bytes(first, first+have)
	for r := lo; r < hi; r++ {
		dst := out(r)[:have]
		if a.dot == quant.BytesDot {
			quant.MultiplyBytes(a.format, stored, &a.bytes[r], dst)
		} else {
			quant.MultiplyFloats(a.level, a.format, stored, a.parts32[r], dst)
		}
		for c := range add {
			dst[c] += add[c]
		}
	}
}

// multiplyExact is multiply by a group of weights as they are stored, unless a sum is not finite.
func (a *activations) multiplyExact(wk *worker, lo, hi int, w *tensor, first int, add []float32, out func(r int) []float32) bool {
	sums := (*[simd.StoredRows]float64)(wk.float64s(simd.StoredRows))
	for r := lo; r < hi; r++ {
		if !a.exactDot(w.bytes(first, first+len(sums)), a.wide[r*a.cols:(r+1)*a.cols], sums) {
			return false
		}
		dst := out(r)[:len(sums)]
		for c, s := range sums {
			if add != nil {
				s += float64(add[c])
			}
			dst[c] = float32(s)
		}
	}
	return true
}

// rowGap is between decoded rows, so that those of 2048 elements do not meet in the same lines of the cache.
const rowGap = 16

// multiplyRow is multiply of one row of X in exact arithmetic by a whole group, which is not worth panels.
func (a *activations) multiplyRow(wk *worker, r int, w *tensor, first int, add, dst []float32) {
	stride := a.cols + rowGap
	raw, sums := wk.float32s(simd.Width*stride), wk.float64s(groupRows)
	clear(sums)
	for i := 0; i < groupRows; i += simd.Width {
		w.decodeBlock(raw, stride, first+i, simd.Width, 0, a.cols)
		next := w.behind(first+i+simd.Width, simd.Width)
		a.level.ExactRows(a.wide[r*a.cols:(r+1)*a.cols], raw, stride, sums[i:], next)
	}
	for c, s := range sums {
		if add != nil {
			s += float64(add[c])
		}
		dst[c] = float32(s)
	}
}

// decodeBlock gives elements [k, k+n) of have rows from row first on, each stride elements behind the one before in dst. k is a multiple
// of the format's block length, and k+n one or the end of the row.
func (t *tensor) decodeBlock(dst []float32, stride, first, have, k, n int) {
	decode := func(dst []float32, src []byte) {
		if err := quant.DecodeWith(t.buf.dev.level, t.DType, dst, src); err != nil {
			panic(fmt.Sprintf("BUG: %s: %v", t.Name, err)) // Compile tried the format, Check the shape
		}
	}
	if t.buf.interleaved {
		for i := range have {
			t.decodeRow(dst[i*stride:][:n], first+i, k)
		}
		return
	}
	if n == t.Cols && n == stride { // whole rows are one piece
		decode(dst[:have*n], t.bytes(first, first+have))
		return
	}
	length, size := t.DType.BlockLen(), t.DType.BlockBytes()
	from, to := k/length*size, (k+n)/length*size
	for i := range have {
		row := t.bytes(first+i, first+i+1)
		decode(dst[i*stride:][:n], row[from:to])
	}
}
