package fallback

import (
	"tuff/fallback/quant"
	"tuff/fallback/simd"
)

// On a processor that multiplies bytes (VNNI, SDOT, SMMLA) and has no matrix unit, fast arithmetic multiplies many rows in pairs of signed bytes, as
// it does few, and with AVX2 alone in words: X is rounded once for an op, or for several that follow each other, and weights in blocks of whole
// numbers lose nothing. They are unpacked a panel at a time, which serves every row of X; their scales and minima are applied in float32. Weights of
// other formats are multiplied in float32. Single bytes would be 1.7 times as fast as pairs, but a model of 22 layers of random weights then diverges
// from exact arithmetic by 1.5e-3 nats; the limit is 1e-3.

// byteRows are rows of X in whole numbers, one behind the other.
type byteRows struct {
	data   []simd.ByteBlock
	packed int          // the run whose X they are; 0: of none
	a      *activations // whose rows to round
}

// bytePanels is a worker's memory for panels of bytes.
type bytePanels struct {
	rows   simd.ByteRows
	panels simd.BytePanels
}

const byteBlock = 32 // elements

// prepareBytes gives the work that must be done before that of multiplyBytes, in units of a row.
func (a *activations) prepareBytes() (task, int) {
	b := a.byteRows
	if b.packed == a.run {
		return nil, 0
	}
	b.a, b.data, b.packed = a, grown(b.data, a.rows*a.cols/byteBlock), a.run
	return b, a.rows
}

// unit rounds row r.
func (b *byteRows) unit(_ *worker, r int) {
	n := b.a.cols / byteBlock
	b.a.level.ByteRow(b.data[r*n:(r+1)*n], b.a.source[r])
}

// multiplyBytes is multiply in whole numbers.
func (a *activations) multiplyBytes(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	rows, stride, m := hi-lo, a.cols/byteBlock, wk.bytePanels()
	sums := wk.float32s(groupRows * rows)
	clear(sums)
	for k := 0; k < a.cols; k += simd.ByteCols {
		n := min(simd.ByteCols, a.cols-k)
		for p := 0; p*simd.Width < have; p++ {
			w.bytePanel(m, p, a.form, first+p*simd.Width, min(simd.Width, have-p*simd.Width), k, n)
		}
		a.level.ByteTile(rows, n/byteBlock, a.byteRows.data[lo*stride+k/byteBlock:], stride, &m.panels, a.form, sums)
	}
	for r := range rows {
		dst := out(lo + r)
		copy(dst[:have], sums[groupRows*r:])
		for c, v := range add {
			dst[c] += v
		}
	}
}

// multiplyUnpacked is multiply of few rows of X by rows that become bytes one by one.
func (a *activations) multiplyUnpacked(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	rows := hi - lo
	sums := wk.float32s(have * rows)
	quant.MultiplyUnpacked(a.level, a.format, w.bytes(first, first+have), a.bytes[lo:hi], &wk.bytePanels().rows, sums)
	for r := range rows {
		dst := out(lo + r)
		for c := range have {
			dst[c] = sums[rows*c+r]
		}
		for c, v := range add {
			dst[c] += v
		}
	}
}

// bytePanel makes panel p of columns [k, k+n) of have rows from row first on; those behind them are left as they are: nobody reads their
// sums.
func (t *tensor) bytePanel(m *bytePanels, p int, f simd.ByteForm, first, have, k, n int) {
	from, size := k/t.DType.BlockLen()*t.DType.BlockBytes(), n/t.DType.BlockLen()*t.DType.BlockBytes()
	if row := t.fromRow(first); t.buf.interleaved && row%quant.InterleavedRows == 0 {
		group := t.groupsOf(row, row+have)
		quant.PanelOfInterleaved(t.buf.dev.level, t.DType, &m.panels, p, group[from*quant.InterleavedRows:][:size*quant.InterleavedRows])
		return
	}
	for i := range have {
		q, d, least := m.rows.Row(i)
		if t.buf.interleaved {
			var piece [simd.ByteCols / 32 * 34]byte // of Q8_0: no format has more for an element, where rows are interleaved
			row := t.fromRow(first + i)
			quant.InterleavedRow(t.DType, piece[:size], t.groupsOf(row, row+1)[from*quant.InterleavedRows:], row%quant.InterleavedRows)
			quant.Unpack(t.DType, q[:n], d, least, piece[:size])
			continue
		}
		quant.Unpack(t.DType, q[:n], d, least, t.bytes(first+i, first+i+1)[from:from+size])
	}
	m.panels.Set(t.buf.dev.level, p, &m.rows, f, n)
}
