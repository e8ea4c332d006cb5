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
	weights, out := k.weights.row(t), k.out.row(t)
	used, cols := len(weights)/k.sums, len(out)/k.sums
	x := k.x.row(t) // all that the token has
	if k.op.Streams == 0 {
		x = k.x.floats(t*used, (t+1)*used)
	}
	for n := range k.sums {
		for c := range cols {
			var sum float64
			for j, w := range weights[n*used : (n+1)*used] {
				sum += float64(w) * float64(x[j*cols+c])
			}
			out[n*cols+c] = float32(sum)
		}
	}
}
