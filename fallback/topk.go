package fallback

import (
	"math"

	"tuff/host/compute"
)

// topk runs compute.TopK: one unit per row, a heap of the K best with the worst of them on top.
type topk struct {
	op     compute.TopK
	x, out *tensor
}

func (k *topk) begin(s *compute.Step) int { return k.x.Rows.At(s.Sizes()) }

func (k *topk) unit(_ *worker, r int) {
	row, out := k.x.row(r), k.out.row(r)
	values, ids := out[:k.op.K], out[k.op.K:]
	for c, v := range row {
		if c < k.op.K {
			values[c], ids[c] = v, float32(c)
			for at := c; at > 0 && ahead(values, ids, (at-1)/2, at); at = (at - 1) / 2 {
				exchange(values, ids, at, (at-1)/2)
			}
		} else if key(v) > key(values[0]) { // an equal one has the higher column
			values[0], ids[0] = v, float32(c)
			sink(values, ids)
		}
	}
	for n := k.op.K - 1; n > 0; n-- {
		exchange(values, ids, 0, n)
		sink(values[:n], ids[:n])
	}
}

// key orders float32 as the op does: both zeros are equal, NaN comes last.
func key(v float32) float64 {
	if v != v {
		return math.Inf(1)
	}
	return math.Min(float64(v), math.MaxFloat64) // infinity is no NaN
}

// ahead reports whether i is to come before j in the result.
func ahead(values, ids []float32, i, j int) bool {
	a, b := key(values[i]), key(values[j])
	return a > b || a == b && ids[i] < ids[j]
}

func exchange(values, ids []float32, i, j int) {
	values[i], values[j] = values[j], values[i]
	ids[i], ids[j] = ids[j], ids[i]
}

// sink restores the heap after its top was replaced.
func sink(values, ids []float32) {
	for at := 0; ; {
		child := 2*at + 1
		if child >= len(values) {
			return
		}
		if child+1 < len(values) && ahead(values, ids, child, child+1) {
			child++
		}
		if !ahead(values, ids, at, child) {
			return
		}
		exchange(values, ids, at, child)
		at = child
	}
}
