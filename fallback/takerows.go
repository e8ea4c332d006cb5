package fallback

import "tuff/host/compute"

// takerows runs compute.TakeRows: one unit for all rows, it only copies.
type takerows struct {
	op     compute.TakeRows
	x, out *tensor
	step   *compute.Step
}

func (k *takerows) begin(s *compute.Step) int {
	k.step = s
	return min(1, len(s.Outputs))
}

func (k *takerows) unit(*worker, int) {
	for o, r := range k.step.Outputs {
		copy(k.out.row(o), k.x.row(int(r)))
	}
}
