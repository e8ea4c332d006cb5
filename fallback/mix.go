package fallback

import "tuff/host/compute"

// mix runs compute.Mix: one unit per token.
type mix struct {
	op              compute.Mix
	x, weights, out *tensor
}

func (k *mix) begin(s *compute.Step) int { return len(s.Tokens) }

func (k *mix) unit(_ *worker, t int) {
	weights, out := k.weights.row(t), k.out.row(t)
	for c := range out {
		var sum float64
		for j, w := range weights {
			sum += float64(w) * float64(k.x.row(t*len(weights) + j)[c])
		}
		out[c] = float32(sum)
	}
}
