package compare

import (
	"math"

	"tuff/host/compute"
	"tuff/host/conformance"
)

// sparseGateBound is the suite's bound of each row, once for each side.
func sparseGateBound(p *compute.Program, o compute.SparseGate, v tensors, bound []float64, errs map[compute.Ref][]float64) error {
	x, xe, err := operand(v, o.X, errs)
	if err != nil {
		return err
	}
	up, upe, err := operand(v, o.Up, errs)
	if err != nil {
		return err
	}
	cols := p.At(o.X).Cols
	for from := 0; from+cols <= len(bound); from += cols {
		to := from + cols
		_, own := conformance.SparseGateBound(o, x[from:to], xe[from:to], up[from:to], upe[from:to])
		for c, b := range own {
			bound[from+c] = slack * b
		}
	}
	return nil
}

// altUpBound is the suite's bound of what op writes to out, once for each side.
func altUpBound(p *compute.Program, o compute.AltUp, out compute.Ref, v tensors, bound []float64, errs map[compute.Ref][]float64) error {
	s := conformance.Streams{Eps: float64(o.Eps)}
	for _, w := range []struct {
		ref compute.Ref
		to  *[]float64
	}{{o.Router, &s.Router}, {o.Coefs, &s.Coefs}, {o.Bias, &s.Bias}} {
		var err error
		if *w.to, _, err = operand(v, w.ref, nil); err != nil {
			return err
		}
	}
	scale, err := optional(v, o.Scale)
	if err != nil {
		return err
	}
	x, xe, err := operand(v, o.X, errs)
	if err != nil {
		return err
	}
	var y, ye []float64
	if o.Y != 0 {
		if y, ye, err = operand(v, o.Y, errs); err != nil {
			return err
		}
	}
	cols, wide := p.At(o.Router).Cols, p.At(out).Cols
	tokens := len(bound) / wide
	for t := range tokens {
		s.S, s.E = nil, nil
		for _, of := range [][2][]float64{{x, xe}, {y, ye}} {
			each := len(of[0]) / tokens
			for at := t * each; at < (t+1)*each; at += cols {
				s.S, s.E = append(s.S, of[0][at:at+cols]), append(s.E, of[1][at:at+cols])
			}
		}
		sums, own := s.Mix()
		for i := range wide {
			b := slack * own[i/cols][i%cols]
			if out == o.Scaled {
				f := math.Abs(float64(scale[i]))
				b = b*f + slack*2*u*math.Abs(sums[0][i])*f + tiny
			}
			bound[t*wide+i] = b
		}
	}
	return nil
}

// operand is a tensor in float64, and what its elements are off by: nothing where it is no result of the group.
func operand(v tensors, r compute.Ref, errs map[compute.Ref][]float64) (x, e []float64, err error) {
	f, err := v.values(r)
	if err != nil {
		return nil, nil, err
	}
	x = make([]float64, len(f))
	for i, value := range f {
		x[i] = float64(value)
	}
	if e = errs[r]; e == nil {
		e = make([]float64, len(f))
	}
	return x, e, nil
}
