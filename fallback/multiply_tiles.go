package fallback

import "tuff/fallback/simd"

// On a processor with a matrix unit, fast arithmetic multiplies many rows in bfloat16 with float32 sums: weights of any format are
// decoded and rounded a panel at a time, and each panel serves every row of X, which is rounded once for an op, or for several
// that follow each other. Half of a unit in the last of 8 bits is lost of each factor: 2⁻⁹ of it at most. Weights that a file keeps in
// float32 are multiplied in float32: they are few and sensitive, such as a router's.

// panels are rows of X as tiles: for each blockCols of columns all tiles, each blockCols of 16 rows.
type panels struct {
	data   []uint16
	packed int          // the run whose X they are; 0: of none
	a      *activations // whose rows to pack
}

const tileElements = simd.TileRows * simd.TileDepth

// tiled is the elements that n columns take in a tile.
func tiled(n int) int { return ceil(n, simd.TileDepth) * simd.TileDepth }

// prepare gives the work that must be done before that of multiply, in units of a tile or a row.
func (a *activations) prepare() (task, int) {
	if a.inBytes {
		return a.prepareBytes()
	}
	p := a.panels
	if !a.tiles || p.packed == a.run {
		return nil, 0
	}
	n := ceil(a.rows, simd.TileRows)
	p.a, p.data, p.packed = a, grown(p.data, n*simd.TileRows*tiled(a.cols)), a.run
	return p, n
}

// block is tile t and those behind it of the columns from k on.
func (p *panels) block(a *activations, t, k, n int) []uint16 {
	return p.data[ceil(a.rows, simd.TileRows)*simd.TileRows*k+t*simd.TileRows*tiled(n):]
}

// unit rounds the rows of tile t. Rows behind the last stay what they are: nobody reads their sums.
func (p *panels) unit(_ *worker, t int) {
	a := p.a
	for k := 0; k < a.cols; k += blockCols {
		n := min(blockCols, a.cols-k)
		block := p.block(a, t, k, n)
		for i, x := range a.source[t*simd.TileRows : min((t+1)*simd.TileRows, a.rows)] {
			a.level.BfloatRow(block[i*simd.TileDepth:], x[k:k+n])
		}
	}
}

// tileGroup is how many of n weight rows go through X together: the more, the fewer times X comes from outer caches, as long as all
// threads have some. Sums do not depend on it.
func (a *activations) tileGroup(n int) int {
	return groupRows * min(max(n/(2*a.threads*groupRows), 1), 8)
}

// multiplyTiles is multiply on the matrix unit. Rows of X of one tile go together, so that lo need not begin one.
func (a *activations) multiplyTiles(wk *worker, lo, hi int, w *tensor, first, have int, add []float32, out func(r int) []float32) {
	from, to := lo/simd.TileRows, ceil(hi, simd.TileRows)
	groups, width, rows := ceil(have, groupRows), ceil(have, groupRows)*groupRows, (to-from)*simd.TileRows
	memory := wk.float32s(groupRows*blockCols + width*rows)
	raw, sums := memory[:groupRows*blockCols], memory[groupRows*blockCols:]
	b := wk.bfloats(groupRows * blockCols)
	for k := 0; k < a.cols; k += blockCols {
		n := min(blockCols, a.cols-k)
		x := a.panels.block(a, from, k, n)
		for g := range groups {
			w.panelOf(a.level, b, raw, first+g*groupRows, min(groupRows, have-g*groupRows), k, n)
			a.level.BfloatTile(tiled(n)/simd.TileDepth, to-from, x, b, sums[g*groupRows:], width, k > 0)
		}
	}
	for r := lo; r < hi; r++ {
		dst := out(r)
		copy(dst[:have], sums[(r-from*simd.TileRows)*width:])
		for c, v := range add {
			dst[c] += v
		}
	}
}

// panelOf decodes columns [k, k+n) of have rows from row first on, at most groupRows, and rounds them into two panels. raw is scratch.
func (t *tensor) panelOf(level simd.Level, panels []uint16, raw []float32, first, have, k, n int) {
	stride := tiled(n)
	if t.decodeGroups(raw, first, have, k, n) { // of whole blocks of 32, and so of whole tiles
		level.BfloatPairs(panels, raw[:simd.Width*n])
		if have > simd.Width {
			level.BfloatPairs(panels[tileElements:], raw[simd.Width*n:2*simd.Width*n])
		}
		return
	}
	t.decodeBlock(raw, stride, first, have, k, n)
	for i := 0; n < stride && i < have; i++ {
		clear(raw[i*stride+n : (i+1)*stride])
	}
	level.BfloatPanel(panels, raw, stride, stride)
	if have > simd.Width {
		level.BfloatPanel(panels[tileElements:], raw[simd.Width*stride:], stride, stride)
	}
}
