package fallback

import "tuff/host/compute"

// embed runs compute.Embed: one unit per token.
type embed struct {
	op         compute.Embed
	table, out *tensor
	step       *compute.Step
}

func (k *embed) begin(s *compute.Step) int {
	k.step = s
	return len(s.Tokens)
}

func (k *embed) unit(w *worker, t int) {
	id := int(k.step.Tokens[t])
	if k.op.Positions {
		id = int(k.step.Pos[t])
	}
	out := k.out.row(t)
	for c, v := range k.table.decode(w.float32s(k.table.Cols), id, id+1) {
		out[c] = k.op.Scale * v
	}
}
