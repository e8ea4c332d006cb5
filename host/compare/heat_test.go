package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/host/compute"
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

// wrote is a result of a group whose last dispatch was this one.
func wrote(tensor, kind string, rows, cols int, spans ...compute.Span) Op {
	return Op{Tensor: tensor, Rows: rows, Cols: cols, kind: kind, spans: spans}
}

func TestMapKnowsTheWorkgroups(t *testing.T) {
	norm := compute.Span{Kernel: "rmsnorm", Workgroups: [3]uint32{100, 1, 1}}
	products := compute.Span{Kernel: "matmul_x", Workgroups: [3]uint32{6, 1, 4}}
	store := compute.Span{Kernel: "rope_kvstore", Workgroups: [3]uint32{200, 1, 1}}
	// 128 + 256 columns side by side by 6 workgroups, 100 rows by 4; a norm in front, and behind it what has lines of its own.
	group := []Op{wrote("n", "rmsnorm", 100, 512, norm, products, store), wrote("q", "matmul", 100, 256, norm, products, store),
		wrote("k", "matmul", 100, 128, norm, products, store), wrote("cache", "kvstore", 100, 128, norm, products, store)}
	for tensor, want := range map[string][2]int{"k": {32, 64}, "n": {1, 512}, "cache": {}} {
		m := &Map{Phase: "prefill", Tensor: tensor, Rows: 100}
		m.grid("prefill", [][]Op{nil, group})
		assert.Equal(t, want, [2]int{m.TileRows, m.TileCols}, tensor)
	}
	m := &Map{Phase: "prefill", Tensor: "n", Rows: 100}
	m.grid("decode", [][]Op{group})
	assert.Zero(t, m.TileRows, "another phase's")
	// Products that are fused away: the columns are those of their rotations.
	few := compute.Span{Kernel: "matmul_vec_1_norm_rope", Workgroups: [3]uint32{96, 1, 1}}
	m = &Map{Phase: "decode", Tensor: "k", Rows: 1}
	m.grid("decode", [][]Op{{wrote("q", "rope", 1, 256, few), wrote("k", "kvstore", 1, 128, few)}})
	assert.Equal(t, [2]int{1, 4}, [2]int{m.TileRows, m.TileCols})
}

// Grids are those that plans give for these shapes: 8 heads of 32, each two of which share keys.
func TestTilesOfKernels(t *testing.T) {
	heads := compute.Attention{NumHeads: 8, NumKVHeads: 4, HeadDim: 32, HeadDimV: 32}
	for _, c := range []struct {
		kernel     string
		grid       [3]uint32
		rows, cols int
		want       [2]int
	}{
		{"attention_prefill", [3]uint32{2, 4, 3}, 40, 256, [2]int{8, 64}},     // 16 pairs of 16 rows × 2
		{"attention_prefill", [3]uint32{1, 4, 3}, 40, 256, [2]int{16, 64}},    // 32 pairs
		{"attention_coop_64x32", [3]uint32{1, 4, 3}, 40, 256, [2]int{32, 64}}, // two tiles of rows
		{"attention_lane_8", [3]uint32{4, 4, 3}, 40, 256, [2]int{4, 64}},      // 8 pairs
		{"attention_lane_2", [3]uint32{1, 4, 1}, 1, 256, [2]int{1, 64}},       // both heads
		{"attention_decode", [3]uint32{1, 4, 1}, 1, 256, [2]int{1, 64}},
		{"attention_decode", [3]uint32{3, 4, 1}, 9, 256, [2]int{4, 64}},     // 18 pairs in blocks of 8
		{"attention_decode_split_4", [3]uint32{4, 4, 1}, 1, 256, [2]int{}},  // partial results, and the length tells how many
		{"attention_decode_joined_4", [3]uint32{4, 4, 1}, 1, 256, [2]int{}}, // so here
		{"attention_combine", [3]uint32{8, 3, 1}, 3, 256, [2]int{1, 32}},    // a row and a head
		{"swiglu", [3]uint32{30, 1, 1}, 10, 768, [2]int{1, 256}},            // 256 elements
		{"add", [3]uint32{5, 1, 1}, 10, 128, [2]int{2, 128}},                // 256 elements
		{"add", [3]uint32{6, 1, 1}, 10, 150, [2]int{}},                      // which end amid a row
		{"layernorm", [3]uint32{100, 1, 1}, 100, 77, [2]int{1, 77}},
		{"ssm_scan", [3]uint32{2, 1, 1}, 100, 128, [2]int{100, 64}},
		{"kvstore", [3]uint32{7, 1, 1}, 100, 128, [2]int{}},
		{"matmul_float32", [3]uint32{}, 100, 128, [2]int{}}, // a device that counts in no workgroups
	} {
		op := wrote("x", "", c.rows, c.cols, compute.Span{Kernel: c.kernel, Workgroups: c.grid})
		op.attention = heads
		rows, cols := op.tile(c.cols)
		assert.Equal(t, c.want, [2]int{rows, cols}, "%s %v", c.kernel, c.grid)
	}
}

func TestULPClasses(t *testing.T) {
	for d, want := range map[float64]int{0: 0, 0.5: 1, 1: 1, 1.5: 2, 2: 2, 3: 3, 4: 3, 5: 4, 1 << 24: 25, 1<<24 + 1: 26, 1e300: 26} {
		assert.Equal(t, want, ulpClass(d), "%g", d)
	}
	m := Measure([]float32{1, nan, 4}, []float32{1, 2, 4}, nil)
	assert.Equal(t, 2, m.ULPs[0])
	assert.Equal(t, 1, m.ULPs[ulpClasses-1])
}
