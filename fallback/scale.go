package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// scale runs compute.Scale: one unit per chunk of elements, those of a row too: logits are a row alone.
type scale struct {
	op     compute.Scale
	x, out *tensor
	level  simd.Level // above Plain: a cap in its instructions, in float32
	n      int
}

// scaleUnit is the elements of a unit.
const scaleUnit = 4096

func (k *scale) begin(s *compute.Step) int {
	k.n = k.x.Rows.At(s.Sizes()) * k.x.Cols
	return ceil(k.n, scaleUnit)
}

func (k *scale) unit(_ *worker, i int) {
	rows := ceil(k.n, k.x.Cols)
	lo, hi := i*scaleUnit, min((i+1)*scaleUnit, k.n)
	x, out := k.x.floats(0, rows)[lo:hi], k.out.floats(0, rows)[lo:hi]
	if k.op.Cap > 0 && k.level > simd.Plain {
		k.level.SoftCap(out, x, k.op.Factor, k.op.Cap)
		return
	}
	if k.op.Cap == 0 { // a product in float64 is exact: rounding it is what a product in float32 is
		for c, v := range x {
			out[c] = k.op.Factor * v
		}
		return
	}
	limit := float64(k.op.Cap)
	for c, v := range x {
		out[c] = float32(limit * math.Tanh(float64(k.op.Factor)*float64(v)/limit))
	}
}
