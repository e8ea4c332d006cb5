package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// sparseGate runs compute.SparseGate: one unit per chunk of rows.
type sparseGate struct {
	op          compute.SparseGate
	x, up, out  *tensor
	rows, chunk int
	level       simd.Level // above Plain: in its instructions where they have the function, in float32
}

func (k *sparseGate) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 38*k.x.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *sparseGate) unit(w *worker, i int) {
	vector := vectorActivations[k.op.Fn]
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		x, up, out := k.x.row(r), k.up.row(r), k.out.row(r)
		if k.level > simd.Plain && vector != nil {
			mean, scale := vectorMoments(k.level, x, 0)
			least := float32(mean + float64(k.op.Cutoff)/scale)
			kept := w.float32s(len(x))
			for c, v := range x {
				kept[c] = max(v-least, 0)
			}
			vector(k.level, out, kept, up, w)
			continue
		}
		mean, scale := moments(x, 0)
		least := mean + float64(k.op.Cutoff)/scale
		for c, v := range x {
			out[c] = float32(activate(k.op.Fn, max(float64(v)-least, 0)) * float64(up[c]))
		}
	}
}
