package fallback

import (
	"math"

	"tuff/fallback/simd"
	"tuff/host/compute"
)

// layernorm runs compute.LayerNorm: one unit per chunk of rows.
type layernorm struct {
	op                   compute.LayerNorm
	x, weight, bias, out *tensor // bias may be nil
	rows, chunk          int
	level                simd.Level // above Plain: in its instructions, the result in float32
	zeros                []float32  // a bias for them
}

func (k *layernorm) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 6*k.x.Cols)
	if k.bias == nil && k.level > simd.Plain && k.zeros == nil {
		k.zeros = make([]float32, k.x.Cols)
	}
	return ceil(k.rows, k.chunk)
}

func (k *layernorm) unit(_ *worker, i int) {
	width := k.x.Cols
	if k.op.Group > 0 {
		width = k.op.Group
	}
	weight, bias := k.weight.row(0), k.zeros
	if k.bias != nil {
		bias = k.bias.row(0)
	}
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		x, out := k.x.row(r), k.out.row(r)
		for g := 0; g < len(x); g += width {
			var b []float32
			if bias != nil {
				b = bias[g : g+width]
			}
			k.normalize(out[g:g+width], x[g:g+width], weight[g:g+width], b)
		}
	}
}

func (k *layernorm) normalize(out, x, weight, bias []float32) {
	if k.level > simd.Plain {
		mean, scale := vectorMoments(k.level, x, k.op.Eps)
		k.level.Normalized(out, x, weight, bias, float32(mean), float32(scale))
		return
	}
	mean, scale := moments(x, k.op.Eps)
	for c, v := range x {
		y := (float64(v) - mean) * scale * float64(weight[c])
		if bias != nil {
			y += float64(bias[c])
		}
		out[c] = float32(y)
	}
}

// vectorMoments are moments in one pass over distances from the first element, which lies among the others, so that little cancels.
func vectorMoments(l simd.Level, x []float32, eps float32) (mean, scale float64) {
	n, from := float64(len(x)), float64(x[0])
	sum, squares := l.Moments(x, from)
	mean = sum / n
	return from + mean, 1 / math.Sqrt(max(squares/n-mean*mean, 0)+float64(eps))
}

// moments are the mean of x and the inverse of its standard deviation.
func moments(x []float32, eps float32) (mean, scale float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	var sum float64
	for _, v := range x {
		d := float64(v) - mean
		sum += d * d
	}
	return mean, 1 / math.Sqrt(sum/float64(len(x))+float64(eps))
}
