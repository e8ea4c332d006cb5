package fallback

import (
	"tuff/fallback/simd"
	"tuff/host/compute"
)

// mix runs compute.Mix: one unit per token.
type mix struct {
	op              compute.Mix
	x, weights, out *tensor
	sums            int
	level           simd.Level // above Plain: sums in its instructions, in float32
}

func (k *mix) begin(s *compute.Step) int { return len(s.Tokens) }

func (k *mix) unit(_ *worker, t int) {
	// All that the token has, whatever rows that is.
	x, out := k.x.floats(t*k.x.Rows.PerToken, (t+1)*k.x.Rows.PerToken), k.out.floats(t*k.out.Rows.PerToken, (t+1)*k.out.Rows.PerToken)
	cols := len(out) / k.sums
	used := len(x) / cols
	var weights []float32 // all are 1
	if k.weights != nil {
		weights = k.weights.row(t)
	}
	first := 0 // column that the level leaves
	if k.level > simd.Plain {
		first = cols &^ (simd.Width - 1)
	}
	for n := range k.sums {
		if first > 0 {
			k.vectors(out[n*cols:][:first], t, n*used, used, cols)
		}
		for c := first; c < cols; c++ {
			var sum float64
			for j := range used {
				w := 1.0
				if weights != nil {
					w = float64(weights[n*used+j])
				}
				sum += w * float64(x[j*cols+c])
			}
			out[n*cols+c] = float32(sum)
		}
	}
}

// vectors sums whole blocks of columns.
func (k *mix) vectors(out []float32, t, from, used, cols int) {
	clear(out)
	rows := simd.Rows{Format: simd.F32, Data: k.x.bytes(t*k.x.Rows.PerToken, (t+1)*k.x.Rows.PerToken), Stride: 4 * cols}
	if k.weights != nil {
		k.level.RowSums(out, k.weights.row(t)[from:][:used], rows)
		return
	}
	one := [...]float32{1}
	for range used {
		k.level.RowSums(out, one[:], rows)
		rows.Data = rows.Data[rows.Stride:]
	}
}
