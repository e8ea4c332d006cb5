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
	x, w, err := n.two(o.X, o.Weights)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	sums, used := 1, w.cols
	if o.Streams > 0 {
		sums, used = w.cols/o.Streams, o.Streams
	}
	cols := out.cols / sums
	for t := range out.rows() {
		v, e := out.row(t)
		wv, we := w.row(t)
		for i := range v {
			var terms, in float64
			for j := range used {
				at, k := (t*used+j)*cols+i%cols, i/cols*used+j
				v[i] += wv[k] * x.v[at]
				terms += abs(wv[k] * x.v[at])
				in += abs(wv[k])*x.e[at] + (abs(x.v[at])+x.e[at])*we[k]
			}
			e[i] = 2*gamma(used+1)*(terms+in) + in + tiny*float64(used+1)
		}
	}
	return nil
}
