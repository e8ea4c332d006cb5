package conformance

import (
	"math"

	"tuff/host/compute"
)

// attention follows the formula query by query and head by head: scores of the visible keys, softmax with the sink as one
// more key without a value, weighted sum.
//
// Bound. A score is a dot product of D terms, scaled: its error δs is 2γ(D+2)·Scale·Σ|q·k| plus what the inputs bring,
// plus for the cap that of tanh, made of exponentials. A weight exp(s−m) then has the relative error
//
//	ε = δs + δm + (3+2|s−m|)·2u + 2u·|s−m| + γ(2n+16)
//
// of which δm, the error of the maximum, is common to all weights and cancels in the quotient; the last term is n more
// keys rescaled and summed in any order, by tiles and by splits. With weights p (sum 1) the quotient's error is at most
// Σp·ε·|v| + (Σp·ε)·Σp·|v| plus the same for the final sums, twice over for the second order.
func (n *naive) attention(o compute.Attention) error {
	q, err := n.get(o.Q)
	if err != nil {
		return err
	}
	k, v, err := n.two(o.K, o.V)
	if err != nil {
		return err
	}
	sinks, err := n.optional(o.Sinks)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.Bias)
	if err != nil {
		return err
	}
	for i := range n.s.Seqs {
		seq := &n.s.Seqs[i]
		for t := seq.First; t < seq.First+seq.Count; t++ {
			keys := n.visible(o, seq, int(n.s.Pos[t]))
			for h := range o.NumHeads {
				var sink *float64
				if o.Sinks != 0 {
					sink = &sinks.v[h]
				}
				add := func(int) float64 { return 0 }
				if o.Bias != 0 {
					add = func(i int) float64 { // of visible key i
						reach := bias.rows() / 2
						far := n.position(o, seq, keys[i]) - int(n.s.Pos[t])
						return bias.v[(min(max(far, -reach), reach)+reach)*bias.cols+h]
					}
				}
				n.attend(o, q, k, v, n.vals[o.Out], t, h, keys, sink, add)
			}
		}
	}
	return nil
}

// visible lists the rows of K and V that a query at pos sees.
func (n *naive) visible(o compute.Attention, seq *compute.Seq, pos int) []int {
	var rows []int
	for j := range seq.Len {
		if o.Causal && j > pos {
			continue
		}
		if d := j - pos; o.Window > 0 && (d >= o.Window || d <= -o.Window) {
			continue
		}
		if o.Chunk > 0 && j/o.Chunk != pos/o.Chunk {
			continue
		}
		if o.Paged {
			rows = append(rows, slot(n.pr.p, seq, j))
		} else {
			rows = append(rows, seq.First+j)
		}
	}
	return rows
}

// position is that of the key in a row of K.
func (n *naive) position(o compute.Attention, seq *compute.Seq, row int) int {
	for j := range seq.Len {
		if o.Paged && slot(n.pr.p, seq, j) == row || !o.Paged && seq.First+j == row {
			return j
		}
	}
	panic("BUG: conformance: a key that no position has")
}

func (n *naive) attend(o compute.Attention, q, k, v, out value, t, h int, keys []int, sink *float64, add func(int) float64) {
	kvHead := h / (o.NumHeads / o.NumKVHeads)
	qv, qe := q.row(t)
	qv, qe = qv[h*o.HeadDim:][:o.HeadDim], qe[h*o.HeadDim:][:o.HeadDim]
	scores, errs := make([]float64, len(keys)), make([]float64, len(keys))
	top := math.Inf(-1)
	for i, row := range keys {
		kv, ke := k.row(row)
		kv, ke = kv[kvHead*o.HeadDim:][:o.HeadDim], ke[kvHead*o.HeadDim:][:o.HeadDim]
		var sum, terms, in float64
		for c, x := range qv {
			sum += x * kv[c]
			terms += abs(x * kv[c])
			in += abs(x)*ke[c] + qe[c]*(abs(kv[c])+ke[c])
		}
		scale := abs(float64(o.Scale))
		scores[i] = sum * float64(o.Scale)
		errs[i] = scale*(2*gamma(o.HeadDim+2)*(terms+in)+in) + tiny
		if n.fast {
			errs[i] += scale * 2.01 * uF16 * terms
		}
		if o.SoftCap > 0 {
			cap := float64(o.SoftCap)
			scores[i] = cap * math.Tanh(scores[i]/cap)
			errs[i] += 128 * u * cap // tanh = sinh/cosh of exponentials: abs error of 2·(3+2·4) ULP each way while it matters
		}
		scores[i] += add(i)
		errs[i] += 2 * u * abs(scores[i])
		top = max(top, scores[i])
	}
	var total float64
	if sink != nil {
		top = max(top, *sink)
		total = math.Exp(*sink - top)
	}
	for _, s := range scores {
		total += math.Exp(s - top)
	}
	common := gamma(2*len(keys) + 16)
	if n.fast {
		common += 2.01 * uF16
	}
	stride := o.HeadDimV
	if o.V == o.K { // a value is the beginning of its key
		stride = o.HeadDim
	}
	var spread float64 // Σ p·ε
	sums, sizes, bounds := make([]float64, o.HeadDimV), make([]float64, o.HeadDimV), make([]float64, o.HeadDimV)
	for i, row := range keys {
		vv, ve := v.row(row)
		vv, ve = vv[kvHead*stride:][:o.HeadDimV], ve[kvHead*stride:][:o.HeadDimV]
		p := math.Exp(scores[i]-top) / total
		far := top - scores[i]
		eps := errs[i] + 2*u*(3+2*far) + 2*u*far + common
		spread += p * eps
		for c, x := range vv {
			sums[c] += p * x
			sizes[c] += p * abs(x)
			bounds[c] += p*(eps*(abs(x)+ve[c])+ve[c]) + tiny*(1+abs(x))
		}
	}
	if sink != nil {
		far := top - *sink
		spread += math.Exp(*sink-top) / total * (2*u*(3+2*far) + 2*u*far + common)
	}
	ov, oe := out.row(t)
	for c := range sums {
		at := h*o.HeadDimV + c
		ov[at] = sums[c]
		oe[at] = 2 * (bounds[c] + spread*(sizes[c]+bounds[c]) + 2*common*sizes[c])
	}
}
