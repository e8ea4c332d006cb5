package fallback

import "tuff/host/compute"

// columns runs compute.Columns: one unit per chunk of rows.
type columns struct {
	op          compute.Columns
	a, b, out   *tensor // b may be nil
	rows, chunk int
}

func (k *columns) begin(s *compute.Step) int {
	k.rows = k.out.Rows.At(s.Sizes())
	k.chunk = chunk(k.rows, k.out.Cols)
	return ceil(k.rows, k.chunk)
}

func (k *columns) unit(_ *worker, i int) {
	o := &k.op
	width := o.NumA + o.NumB
	for r := i * k.chunk; r < min((i+1)*k.chunk, k.rows); r++ {
		out, a := k.out.row(r), k.a.row(r)
		for g := range o.Groups {
			copy(out[g*width:][:o.NumA], a[g*len(a)/o.Groups+o.FromA:])
		}
		if k.b == nil {
			continue
		}
		b := k.b.row(r)
		for g := range o.Groups {
			copy(out[g*width+o.NumA:][:o.NumB], b[g*len(b)/o.Groups+o.FromB:])
		}
	}
}
