package fallback

import (
	"math"

	"tuff/host/compute"
)

// layernorm runs compute.LayerNorm: one unit per chunk of rows.
type layernorm struct {
	op                   compute.LayerNorm
	x, weight, bias, out *tensor // bias may be nil
	rows, chunk          int
}

func (k *layernorm) begin(s *compute.Step) int {
	k.rows = k.x.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, 6*k.x.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *layernorm) unit(_ *worker, i int) {
	width := k.x.Cols
	if k.op.Group > 0 {
		width = k.op.Group
	}
	weight := k.weight.row(0)
	var bias []float32
	if k.bias != nil {
		bias = k.bias.row(0)
	}
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		x, out := k.x.row(r), k.out.row(r)
		for g := 0; g < len(x); g += width {
			mean, scale := moments(x[g:g+width], k.op.Eps)
			for c := g; c < g+width; c++ {
				v := (float64(x[c]) - mean) * scale * float64(weight[c])
				if bias != nil {
					v += float64(bias[c])
				}
				out[c] = float32(v)
			}
		}
	}
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
