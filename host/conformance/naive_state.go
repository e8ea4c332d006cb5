package conformance

import (
	"math"

	"tuff/host/compute"
)

// conv1d follows the formula with the whole history spelled out: the rows before the step, then the step's.
func (n *naive) conv1d(o compute.Conv1D) error {
	x, w, err := n.two(o.X, o.W)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.Bias)
	if err != nil {
		return err
	}
	out, state := n.vals[o.Out], n.vals[o.State]
	width, cols := w.cols, x.cols
	for i := range n.s.Seqs {
		q := &n.s.Seqs[i]
		var rows, errs [][]float64
		for j := range width - 1 {
			v, e := make([]float64, cols), make([]float64, cols)
			if n.s.Pos[q.First] != 0 {
				sv, se := state.row(q.StateIn)
				copy(v, sv[j*cols:])
				copy(e, se[j*cols:])
			}
			rows, errs = append(rows, v), append(errs, e)
		}
		for t := q.First; t < q.First+q.Count; t++ {
			v, e := x.row(t)
			rows, errs = append(rows, v), append(errs, e)
		}
		for t := range q.Count {
			v, e := out.row(q.First + t)
			for c := range cols {
				wv, _ := w.row(c)
				var sum, terms, in float64
				for j, a := range wv {
					sum += a * rows[t+j][c]
					terms += abs(a * rows[t+j][c])
					in += abs(a) * errs[t+j][c]
				}
				bound := 2*gamma(width+2)*(terms+in) + in + tiny*float64(width)*(1+terms)
				if o.Bias != 0 {
					sum += bias.v[c]
					bound += 2 * u * (abs(sum) + abs(bias.v[c]))
				}
				if o.SiLU { // whose slope is at most 1.1
					f := sum / (1 + math.Exp(-sum))
					sum, bound = f, 1.1*bound+abs(f)*2*u*(8+2*abs(sum))+tiny
				}
				v[c], e[c] = sum, bound
			}
		}
		sv, se := state.row(q.StateOut)
		for j := range width - 1 {
			copy(sv[j*cols:(j+1)*cols], rows[len(rows)-width+1+j])
			copy(se[j*cols:(j+1)*cols], errs[len(rows)-width+1+j])
		}
	}
	return nil
}

// ssmScan follows the recurrence. Its bound is carried along with it: the factor exp(δ·A), at most one, has the relative error of
// an exponential of δ·A, whose own error is that of δ; a state's error fades with the state.
func (n *naive) ssmScan(o compute.SSMScan) error {
	x, dt, err := n.two(o.X, o.DT)
	if err != nil {
		return err
	}
	b, c, err := n.two(o.B, o.C)
	if err != nil {
		return err
	}
	a, err := n.get(o.A)
	if err != nil {
		return err
	}
	d, err := n.optional(o.D)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.DTBias)
	if err != nil {
		return err
	}
	out, state := n.vals[o.Out], n.vals[o.State]
	for i := range n.s.Seqs {
		q := &n.s.Seqs[i]
		sv, se := make([]float64, state.cols), make([]float64, state.cols)
		if n.s.Pos[q.First] != 0 {
			v, e := state.row(q.StateIn)
			copy(sv, v)
			copy(se, e)
		}
		for t := q.First; t < q.First+q.Count; t++ {
			xv, xe := x.row(t)
			dv, de := dt.row(t)
			bv, be := b.row(t)
			cv, ce := c.row(t)
			v, e := out.row(t)
			for ch := range xv {
				h := ch / o.HeadDim
				raw := dv[h]
				if o.DTBias != 0 {
					raw += bias.v[h]
				}
				delta := max(raw, 0) + math.Log1p(math.Exp(-abs(raw)))
				dErr := 2*u*(abs(raw)+2)*2 + 8*u*delta + tiny + de[h] // of the sum, the exponential and the logarithm, whose slope is at most 1
				from := h / (o.NumHeads / o.NumGroups) * o.StateSize
				av, _ := a.row(h)
				var sum, terms, in float64
				for m := range o.StateSize {
					rate := av[m%len(av)]
					fade := math.Exp(delta * rate)
					fadeErr := fade * (2*u*(3+2*abs(delta*rate)) + abs(rate)*dErr*1.01 + 2*u*abs(delta*rate))
					at := ch*o.StateSize + m
					old := sv[at]
					push := delta * bv[from+m] * xv[ch]
					sv[at] = fade*old + push
					se[at] = (fade+fadeErr)*se[at] + fadeErr*abs(old) + abs(push)*6*u + (abs(bv[from+m])+be[from+m])*(dErr*abs(xv[ch])+delta*xe[ch]) + delta*be[from+m]*abs(xv[ch]) +
						4*u*(abs(fade*old)+abs(push)) + 4*tiny
					sum += cv[from+m] * sv[at]
					terms += abs(cv[from+m] * sv[at])
					in += (abs(cv[from+m])+ce[from+m])*se[at] + ce[from+m]*abs(sv[at])
				}
				if o.D != 0 {
					sum += d.v[h] * xv[ch]
					terms += abs(d.v[h] * xv[ch])
					in += abs(d.v[h]) * xe[ch]
				}
				v[ch], e[ch] = sum, in+2*gamma(o.StateSize+4)*(terms+in)+4*tiny
			}
		}
		v, e := state.row(q.StateOut)
		copy(v, sv)
		copy(e, se)
		for j := range e { // rounded once more where it was kept wider
			e[j] += 2*u*abs(v[j]) + tiny
		}
	}
	return nil
}
