package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMapTakesTheLargestOfEachCell(t *testing.T) {
	const rows, cols = 130, 400 // cells of 3 × 3
	a, b, bound := make([]float32, rows*cols), make([]float32, rows*cols), make([]float64, rows*cols)
	for i := range bound {
		bound[i] = 2
	}
	a[0], a[1], a[3*cols+3] = 1, -4, 1
	a[rows*cols-1] = nan
	m := newMap(a, b, bound, cols)
	across := (cols + m.ColStep - 1) / m.ColStep
	assert.Equal(t, []int{3, 3}, []int{m.RowStep, m.ColStep})
	assert.Equal(t, 2.0, m.Cells[0])
	assert.Equal(t, 0.5, m.Cells[across+1])
	assert.Equal(t, -1.0, m.Cells[len(m.Cells)-1])
	assert.Zero(t, m.Cells[1])
}

func TestMapKnowsTheWorkgroups(t *testing.T) {
	m := &Map{Phase: "prefill", Tensor: "k", Rows: 100, Cols: 128}
	// 128 + 256 columns side by side by 6 workgroups, 100 rows by 4.
	m.grid("prefill", [][]Op{nil, {{Tensor: "q", Cols: 256, Kernel: "matmul_x", Workgroups: [3]uint32{6, 1, 4}}, {Tensor: "k", Cols: 128, Kernel: "matmul_x", Workgroups: [3]uint32{6, 1, 4}}}})
	assert.Equal(t, 64, m.TileCols)
	assert.Equal(t, 32, m.TileRows)
	m = &Map{Phase: "prefill", Tensor: "n", Rows: 100, Cols: 128}
	m.grid("prefill", [][]Op{{{Tensor: "n", Cols: 128, Kernel: "rmsnorm", Workgroups: [3]uint32{100, 1, 1}}}})
	assert.Equal(t, []int{1, 128}, []int{m.TileRows, m.TileCols})
	m = &Map{Phase: "prefill", Tensor: "n", Rows: 100, Cols: 128}
	m.grid("decode", [][]Op{{{Tensor: "n", Cols: 128, Kernel: "rmsnorm", Workgroups: [3]uint32{100, 1, 1}}}})
	assert.Zero(t, m.TileRows, "another phase's")
}

func TestULPClasses(t *testing.T) {
	for d, want := range map[float64]int{0: 0, 0.5: 1, 1: 1, 1.5: 2, 2: 2, 3: 3, 4: 3, 5: 4, 1 << 24: 25, 1<<24 + 1: 26, 1e300: 26} {
		assert.Equal(t, want, ulpClass(d), "%g", d)
	}
	m := Measure([]float32{1, nan, 4}, []float32{1, 2, 4}, nil)
	assert.Equal(t, 2, m.ULPs[0])
	assert.Equal(t, 1, m.ULPs[ulpClasses-1])
}
