package fallback

import (
	"math"

	"tuff/host/compute"
)

// scale runs compute.Scale: one unit per chunk of rows.
type scale struct {
	op          compute.Scale
	x, out      *tensor
	rows, chunk int
}

func (k *scale) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 4*k.x.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *scale) unit(_ *worker, i int) {
	lo, hi := i*k.chunk, min((i+1)*k.chunk, k.rows)
	out := k.out.floats(lo, hi)
	for c, v := range k.x.floats(lo, hi) {
		y := float64(k.op.Factor) * float64(v)
		if limit := float64(k.op.Cap); limit > 0 {
			y = limit * math.Tanh(y/limit)
		}
		out[c] = float32(y)
	}
}
