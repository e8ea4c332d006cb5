package conformance

import (
	"math"

	"tuff/host/compute"
)

// deltaRule follows the recurrence, a column of a head's state at a time. The column's error is carried as one length: what is there
// goes through γ·(I − β·k̂·k̂ᵀ), which lengthens nothing, whereas bounds of single elements would grow without end. A step adds the
// roundings of its own sums and what the errors of γ, β, k̂ and v make of it.
func (n *naive) deltaRule(o compute.DeltaRule) error {
	x, dt, err := n.two(o.X, o.DT)
	if err != nil {
		return err
	}
	beta, bias, err := n.two(o.Beta, o.DTBias)
	if err != nil {
		return err
	}
	a, err := n.get(o.A)
	if err != nil {
		return err
	}
	out, state := n.vals[o.Out], n.vals[o.State]
	keys, small := o.NumKeyHeads*o.KeyDim, 8*tiny*float64(o.KeyDim)
	round := 2 * gamma(o.KeyDim+6)
	for i := range n.s.Seqs {
		q := &n.s.Seqs[i]
		sv, se := state.row(q.StateIn)
		after, afterErr := state.row(q.StateOut)
		for h := range o.NumHeads {
			from := h / (o.NumHeads / o.NumKeyHeads) * o.KeyDim
			if o.Tiled {
				from = h % o.NumKeyHeads * o.KeyDim
			}
			for j := range o.ValueDim {
				at := func(m int) int { return (h*o.KeyDim+m)*o.ValueDim + j }
				s, off := make([]float64, o.KeyDim), 0.0 // the column and how far it may be off
				if n.s.Pos[q.First] != 0 {
					for m := range s {
						s[m] = sv[at(m)]
						off = math.Hypot(off, se[at(m)])
					}
				}
				for t := q.First; t < q.First+q.Count; t++ {
					xv, xe := x.row(t)
					query, queryErr := unit(xv[from:from+o.KeyDim], xe[from:from+o.KeyDim], float64(o.Eps))
					key, keyErr := unit(xv[keys+from:keys+from+o.KeyDim], xe[keys+from:keys+from+o.KeyDim], float64(o.Eps))
					v, ve := xv[2*keys+h*o.ValueDim+j], xe[2*keys+h*o.ValueDim+j]
					dv, de := dt.row(t)
					raw, rate := dv[h]+bias.v[h], a.v[h]
					delta := max(raw, 0) + math.Log1p(math.Exp(-abs(raw)))
					deltaErr := 2*u*(abs(raw)+2)*2 + 8*u*delta + tiny + de[h] // of the sum, the exponential and the logarithm, whose slope is at most 1
					fade := math.Exp(delta * rate)
					fadeErr := fade*(2*u*(3+2*abs(delta*rate))+abs(rate)*deltaErr*1.01+2*u*abs(delta*rate)) + tiny
					bv, be := beta.row(t)
					open := 1 / (1 + math.Exp(-bv[h]))
					openErr := open*(2*u*(3+2*abs(bv[h]))*(1-open)+8*u) + tiny + be[h]/4 // whose slope is at most 1/4

					off = (fade+fadeErr)*off + fadeErr*length(s)
					for m := range s {
						s[m] *= fade
					}
					most := length(s) + off
					answer := dot(key, s)
					answerErr := (keyErr + round*length(key)) * most
					learned := open * (v - answer)
					learnedErr := openErr*(abs(v-answer)+answerErr) + open*(ve+answerErr+4*u*(abs(v)+abs(answer))) + 4*u*abs(learned)
					for m := range s {
						s[m] += key[m] * learned
					}
					off += learnedErr*(length(key)+keyErr) + keyErr*abs(learned) + 8*u*(most+length(key)*abs(learned)) + small

					root := 1 / math.Sqrt(float64(o.KeyDim))
					sum := root * dot(query, s)
					most = length(s) + off
					rows, errs := out.row(t)
					rows[h*o.ValueDim+j] = sum
					errs[h*o.ValueDim+j] = root*(length(query)*off+(queryErr+round*length(query))*most) + 16*u*abs(sum) + small
				}
				for m := range s {
					after[at(m)] = s[m]
					afterErr[at(m)] = off + 2*u*abs(s[m]) + tiny // rounded once more where it was kept wider
				}
			}
		}
	}
	return nil
}

// unit is x over its length and the length of the error.
func unit(x, e []float64, eps float64) (out []float64, off float64) {
	squares := dot(x, x) + eps
	out = make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / math.Sqrt(squares)
	}
	rel := 2*(gamma(len(x)+3)/2+7*u) + length(e)*length(x)/squares
	return out, length(out)*rel + length(e)/math.Sqrt(squares)*(1+rel)
}

func dot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

func length(x []float64) float64 { return math.Sqrt(dot(x, x)) }
