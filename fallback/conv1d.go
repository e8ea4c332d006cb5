package fallback

import "tuff/host/compute"

// conv1d runs compute.Conv1D: one unit per sequence and chunk of columns.
type conv1d struct {
	op                     compute.Conv1D
	x, w, bias, state, out *tensor // bias may be nil
	step                   *compute.Step
	chunk, per             int
}

func (k *conv1d) begin(s *compute.Step) int {
	k.step = s
	k.chunk = chunk(k.x.Cols, len(s.Tokens)*k.w.Cols)
	k.per = ceil(k.x.Cols, k.chunk)
	return len(s.Seqs) * k.per
}

func (k *conv1d) unit(_ *worker, i int) {
	q := &k.step.Seqs[i/k.per]
	lo, hi := i%k.per*k.chunk, min((i%k.per+1)*k.chunk, k.x.Cols)
	width, cols := k.w.Cols, k.x.Cols
	fresh := k.step.Pos[q.First] == 0
	before, after := k.state.row(q.StateIn), k.state.row(q.StateOut)
	// input is column c of the row t after the step's first; the last rows of the state lie before it.
	input := func(t, c int) float32 {
		switch {
		case t >= 0:
			return k.x.row(q.First + t)[c]
		case fresh:
			return 0
		}
		return before[(t+width-1)*cols+c]
	}
	for t := range q.Count {
		out := k.out.row(q.First + t)
		for c := lo; c < hi; c++ {
			var sum float64
			for j, w := range k.w.row(c) {
				sum += float64(w) * float64(input(t-width+1+j, c))
			}
			if k.bias != nil {
				sum += float64(k.bias.row(0)[c])
			}
			if k.op.SiLU {
				sum = silu(sum)
			}
			out[c] = float32(sum)
		}
	}
	for j := range width - 1 {
		for c := lo; c < hi; c++ {
			after[j*cols+c] = input(q.Count-width+1+j, c)
		}
	}
}
