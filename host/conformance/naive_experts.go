package conformance

import (
	"tuff/host/compute"
)

func (n *naive) matmulExperts(o compute.MatMulExperts) error {
	x, ids, err := n.two(o.X, o.IDs)
	if err != nil {
		return err
	}
	w, err := n.weights(o.W)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.Bias)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	k := x.cols
	wv, we := make([]float64, k), make([]float64, k)
	for e := range o.NumExperts {
		for c := range out.cols {
			w(e*out.cols+c, wv, we)
			for s := range out.rows() {
				if min(max(int(ids.v[s]), 0), o.NumExperts-1) != e { // an id outside counts as the nearest
					continue
				}
				row := s
				if x.rows() != out.rows() {
					row = s / ids.cols
				}
				xv, xe := x.row(row)
				sum, bound := n.product(xv, xe, wv, we)
				if o.Bias != 0 {
					b := bias.v[e*out.cols+c]
					sum += b
					bound += 2 * u * (abs(sum) + abs(b))
				}
				v, er := out.row(s)
				v[c], er[c] = sum, bound
			}
		}
	}
	return nil
}

func (n *naive) mix(o compute.Mix) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	w, err := n.optional(o.Weights)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	rows := len(n.s.Tokens)
	each := len(out.v) / rows // of a token
	cols := each
	if o.Streams > 0 {
		cols = len(x.v) / rows / o.Streams
	}
	used := len(x.v) / rows / cols
	for i := range out.v {
		var terms, in float64
		t, sum, c := i/each, i%each/cols, i%cols
		for j := range used {
			at, wv, we := (t*used+j)*cols+c, 1.0, 0.0
			if o.Weights != 0 {
				k := (t*each/cols+sum)*used + j
				wv, we = w.v[k], w.e[k]
			}
			out.v[i] += wv * x.v[at]
			terms += abs(wv * x.v[at])
			in += abs(wv)*x.e[at] + (abs(x.v[at])+x.e[at])*we
		}
		out.e[i] = 2*gamma(used+1)*(terms+in) + in + tiny*float64(used+1)
	}
	return nil
}
