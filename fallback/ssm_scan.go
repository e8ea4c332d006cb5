package fallback

import (
	"math"

	"tuff/host/compute"
)

// ssmScan runs compute.SSMScan: one unit per sequence and head, token by token.
type ssmScan struct {
	op                                    compute.SSMScan
	x, dt, dtBias, a, b, c, d, state, out *tensor // dtBias and d may be nil
	step                                  *compute.Step
}

func (k *ssmScan) begin(s *compute.Step) int {
	k.step = s
	return len(s.Seqs) * k.op.NumHeads
}

func (k *ssmScan) unit(w *worker, i int) {
	o := &k.op
	q, h := &k.step.Seqs[i/o.NumHeads], i%o.NumHeads
	size := o.HeadDim * o.StateSize
	s := w.float64s(size)
	clear(s)
	if k.step.Pos[q.First] != 0 {
		for j, v := range k.state.row(q.StateIn)[h*size : (h+1)*size] {
			s[j] = float64(v)
		}
	}
	a, group := k.a.row(h), h*o.NumGroups/o.NumHeads*o.StateSize
	for t := q.First; t < q.First+q.Count; t++ {
		delta := float64(k.dt.row(t)[h])
		if k.dtBias != nil {
			delta += float64(k.dtBias.row(0)[h])
		}
		delta = softplus(delta)
		b, c := k.b.row(t)[group:group+o.StateSize], k.c.row(t)[group:group+o.StateSize]
		x, out := k.x.row(t)[h*o.HeadDim:(h+1)*o.HeadDim], k.out.row(t)[h*o.HeadDim:(h+1)*o.HeadDim]
		for p, v := range x {
			var sum float64
			own := s[p*o.StateSize : (p+1)*o.StateSize]
			for n := range own {
				own[n] = math.Exp(delta*float64(a[n%len(a)]))*own[n] + delta*float64(b[n])*float64(v)
				sum += float64(c[n]) * own[n]
			}
			if k.d != nil {
				sum += float64(k.d.row(0)[h]) * float64(v)
			}
			out[p] = float32(sum)
		}
	}
	after := k.state.row(q.StateOut)[h*size : (h+1)*size]
	for j, v := range s {
		after[j] = float32(v)
	}
}

// softplus is ln(1 + exp(x)), from the side on which nothing overflows.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
