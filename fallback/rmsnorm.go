package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// rmsnorm runs compute.RMSNorm: one unit per chunk of rows.
type rmsnorm struct {
	op             compute.RMSNorm
	x, weight, out *tensor
	rows, chunk    int
	level          simd.Level // above Plain: in its instructions, products in float32
}

func (k *rmsnorm) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 4*k.x.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *rmsnorm) unit(_ *worker, i int) {
	weight, size := k.weight.row(0), k.x.Cols
	if k.op.Group > 0 {
		size = k.op.Group
	}
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		x, out := k.x.row(r), k.out.row(r)
		for g := 0; g < len(x); g += size {
			w := g % len(weight)
			normalize(k.level, out[g:g+size], x[g:g+size], weight[w:w+size], k.op.Eps)
		}
	}
}

func normalize(level simd.Level, out, x, weight []float32, eps float32) {
	if level > simd.Plain {
		scale := 1 / math.Sqrt(level.Squares(x)/float64(len(x))+float64(eps))
		level.ScaledProduct(out, x, weight, float32(scale))
		return
	}
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := 1 / math.Sqrt(sum/float64(len(x))+float64(eps))
	for c, v := range x {
		out[c] = float32(float64(v) * scale * float64(weight[c]))
	}
}
