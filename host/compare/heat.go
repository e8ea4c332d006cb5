package compare

import (
	"math"
)

// Map shows where in a tensor the errors lie: the largest of each cell.
type Map struct {
	Phase  string `json:"phase"`
	Op     string `json:"op"`
	Tensor string `json:"tensor"`
	Kernel string `json:"kernel"`
	Rows   int    `json:"rows"` // of the tensor
	Cols   int    `json:"cols"`
	// RowStep × ColStep elements make a cell; Cells are in rows. An error is a share of the element's bound where there is one (OfBound), else
	// |a−b|. What is not finite is −1.
	RowStep int       `json:"row_step"`
	ColStep int       `json:"col_step"`
	Cells   []float64 `json:"cells"`
	OfBound bool      `json:"of_bound"`
	// TileRows × TileCols elements are one workgroup's; 0 where that is not known.
	TileRows int `json:"tile_rows,omitempty"`
	TileCols int `json:"tile_cols,omitempty"`
}

// Cells of a map at most, in each direction.
const (
	mapRows = 64
	mapCols = 192
)

// newMap makes the map of one tensor.
func newMap(a, b []float32, bound []float64, cols int) *Map {
	m := &Map{Rows: len(b) / cols, Cols: cols, OfBound: bound != nil}
	m.RowStep, m.ColStep = (m.Rows+mapRows-1)/mapRows, (cols+mapCols-1)/mapCols
	across := (cols + m.ColStep - 1) / m.ColStep
	m.Cells = make([]float64, (m.Rows+m.RowStep-1)/m.RowStep*across)
	for i := range b {
		x, y := float64(a[i]), float64(b[i])
		cell := &m.Cells[i/cols/m.RowStep*across+i%cols/m.ColStep]
		d := math.Abs(x - y)
		switch {
		case x == y || math.IsNaN(x) && math.IsNaN(y):
			continue
		case math.IsNaN(d) || math.IsInf(d, 0):
			*cell = -1
			continue
		case bound != nil:
			d = min(share(d, bound[i]), math.MaxFloat32)
		}
		if *cell >= 0 {
			*cell = max(*cell, d)
		}
	}
	return m
}

// keepWorst keeps the map of the first tensor that is over its limit, or else of the one that comes closest to it.
func (c *comparison) keepWorst(op *Op, lim Limits, a, b []float32, bound []float64) {
	score := op.share(lim)
	if c.r.Worst != nil && (c.over || op.Verdict == "ok" && !(score > c.worst)) {
		return
	}
	c.worst, c.over = score, op.Verdict != "ok"
	w := newMap(a, b, bound, op.Cols)
	w.Phase, w.Op, w.Tensor = op.Phase, op.Label, op.Tensor
	c.r.Worst = w
}
