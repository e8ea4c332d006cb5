package fallback

import (
	"math"

	"tuff/host/compute"
)

// deltaRule runs compute.DeltaRule: one unit per sequence and head, token by token.
type deltaRule struct {
	op                                 compute.DeltaRule
	x, beta, dt, dtBias, a, state, out *tensor
	step                               *compute.Step
}

func (k *deltaRule) begin(s *compute.Step) int {
	k.step = s
	return len(s.Seqs) * k.op.NumHeads
}

func (k *deltaRule) unit(w *worker, i int) {
	o := &k.op
	q, h := &k.step.Seqs[i/o.NumHeads], i%o.NumHeads
	size := o.KeyDim * o.ValueDim
	all := w.float64s(size + 2*o.KeyDim + o.ValueDim)
	s, query, key, u := all[:size], all[size:size+o.KeyDim], all[size+o.KeyDim:size+2*o.KeyDim], all[size+2*o.KeyDim:]
	clear(s)
	if k.step.Pos[q.First] != 0 {
		for j, v := range k.state.row(q.StateIn)[h*size : (h+1)*size] {
			s[j] = float64(v)
		}
	}
	from, keys := o.KeyHead(h)*o.KeyDim, o.NumKeyHeads*o.KeyDim
	for t := q.First; t < q.First+q.Count; t++ {
		x := k.x.row(t)
		unitLength(query, x[from:from+o.KeyDim], o.Eps)
		unitLength(key, x[keys+from:keys+from+o.KeyDim], o.Eps)
		value := x[2*keys+h*o.ValueDim : 2*keys+(h+1)*o.ValueDim]
		fade := math.Exp(float64(k.a.row(0)[h]) * softplus(float64(k.dt.row(t)[h])+float64(k.dtBias.row(0)[h])))
		beta := 1 / (1 + math.Exp(-float64(k.beta.row(t)[h])))
		clear(u)
		for n, kn := range key {
			for j, v := range s[n*o.ValueDim : (n+1)*o.ValueDim] {
				u[j] += kn * v
			}
		}
		for j, v := range value {
			u[j] = beta * (float64(v) - fade*u[j])
		}
		out := k.out.row(t)[h*o.ValueDim : (h+1)*o.ValueDim]
		for n, kn := range key {
			row := s[n*o.ValueDim : (n+1)*o.ValueDim]
			for j := range row {
				row[j] = fade*row[j] + kn*u[j]
			}
		}
		clear(u)
		for n, qn := range query {
			for j, v := range s[n*o.ValueDim : (n+1)*o.ValueDim] {
				u[j] += qn * v
			}
		}
		scale := 1 / math.Sqrt(float64(o.KeyDim))
		for j := range out {
			out[j] = float32(scale * u[j])
		}
	}
	after := k.state.row(q.StateOut)[h*size : (h+1)*size]
	for j, v := range s {
		after[j] = float32(v)
	}
}

// unitLength is x over its length, which eps keeps from zero.
func unitLength(out []float64, x []float32, eps float32) {
	sum := float64(eps)
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	by := 1 / math.Sqrt(sum)
	for i, v := range x {
		out[i] = by * float64(v)
	}
}
