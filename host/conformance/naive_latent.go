package conformance

import "tuff/host/compute"

func (n *naive) columns(o compute.Columns) error {
	a, err := n.get(o.A)
	if err != nil {
		return err
	}
	b, err := n.optional(o.B)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for r := range out.rows() {
		v, e := out.row(r)
		at := 0
		put := func(x value, g, from, num int) {
			if num == 0 {
				return
			}
			xv, xe := x.row(r)
			for c := range num {
				from := g*(x.cols/o.Groups) + from + c
				v[at], e[at] = xv[from], xe[from]
				at++
			}
		}
		for g := range o.Groups {
			put(a, g, o.FromA, o.NumA)
			put(b, g, o.FromB, o.NumB)
		}
	}
	return nil
}

func (n *naive) matmulHeads(o compute.MatMulHeads) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	w, err := n.weights(o.W)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	k, rows := x.cols/o.NumHeads, out.cols/o.NumHeads
	wv, we := make([]float64, k), make([]float64, k)
	for c := range out.cols {
		w(c, wv, we)
		h := c / rows
		for t := range out.rows() {
			xv, xe := x.row(t)
			v, e := out.row(t)
			v[c], e[c] = n.product(xv[h*k:][:k], xe[h*k:][:k], wv, we)
		}
	}
	return nil
}
