package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// add runs compute.Add: one unit per chunk of rows.
type add struct {
	op          compute.Add
	a, b, out   *tensor
	one         bool // b is one row for all
	rows, chunk int
	level       simd.Level
}

func (k *add) begin(s *compute.Step) int {
	k.rows = k.a.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, k.a.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *add) unit(_ *worker, i int) {
	lo, hi := i*k.chunk, min((i+1)*k.chunk, k.rows)
	if k.one {
		b := k.b.row(0)
		for r := lo; r < hi; r++ {
			k.level.Add(k.out.row(r), k.a.row(r), b)
		}
		return
	}
	k.level.Add(k.out.floats(lo, hi), k.a.floats(lo, hi), k.b.floats(lo, hi))
}
