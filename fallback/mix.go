package fallback

import "tuff/host/compute"

// mix runs compute.Mix: one unit per token.
type mix struct {
	op              compute.Mix
	x, weights, out *tensor
	sums            int
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
	for n := range k.sums {
		for c := range cols {
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
