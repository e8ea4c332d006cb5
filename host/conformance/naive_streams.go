package conformance

import (
	"math"

	"tuff/host/compute"
)

// SparseGateBound is a row of a SparseGate, with the bounds of float32's errors in it, of inputs that are themselves off by xe and upe.
func SparseGateBound(o compute.SparseGate, x, xe, up, upe []float64) (y, bound []float64) {
	count, cutoff := float64(len(x)), float64(o.Cutoff)
	var sum, terms, in float64
	for c, v := range x {
		sum += v
		terms += abs(v)
		in += xe[c] + tiny
	}
	mean := sum / count
	meanErr := 2*gamma(len(x)+2)*terms/count + in/count
	var squares, moved float64
	for c, v := range x {
		d := v - mean
		e := xe[c] + meanErr + 2*u*abs(d) + tiny
		squares += d * d
		moved += 2*abs(d)*e + e*e
	}
	deviation := math.Sqrt(squares / count)
	// Roots of a and b are apart by at most |a−b|/√a, and by √|a−b|.
	variance := moved/count + 2*gamma(len(x)+2)*squares/count
	off := min(variance/deviation, math.Sqrt(variance)) + 4*u*deviation
	if deviation == 0 {
		off = math.Sqrt(variance)
	}
	y, bound = make([]float64, len(x)), make([]float64, len(x))
	for c, v := range x {
		above := max(v-mean-cutoff*deviation, 0)
		e := xe[c] + meanErr + cutoff*off + 4*u*(abs(v)+abs(mean)+cutoff*deviation)
		f, own := ActivationBound(o.Fn, above, e)
		y[c] = f * up[c]
		bound[c] = own*(abs(up[c])+upe[c]) + abs(f)*upe[c] + 2*u*abs(y[c]) + tiny
	}
	return y, bound
}

func (n *naive) sparseGate(o compute.SparseGate) error {
	x, up, err := n.two(o.X, o.Up)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for r := range out.rows() {
		xv, xe := x.row(r)
		uv, ue := up.row(r)
		v, e := out.row(r)
		y, bound := SparseGateBound(o, xv, xe, uv, ue)
		copy(v, y)
		copy(e, bound)
	}
	return nil
}

// Streams are the operands of AltUp for a token: streams with what they are off by, and weights.
type Streams struct {
	S, E                [][]float64
	Router, Coefs, Bias []float64
	Eps                 float64
}

// Mix is what AltUp makes of them, sum by sum, with the bounds of float32's errors in it.
func (s *Streams) Mix() (y, bound [][]float64) {
	cols := len(s.S[0])
	var squares, moved float64
	for c, v := range s.S[0] {
		squares += v * v
		moved += 2*abs(v)*s.E[0][c] + s.E[0][c]*s.E[0][c] + tiny
	}
	mean := squares/float64(cols) + s.Eps
	root := math.Sqrt(mean)
	rel := 2*(gamma(cols+2)/2+7*u) + moved/float64(cols)/mean // as of RMSNorm
	m, me := make([]float64, len(s.Router)/cols), make([]float64, len(s.Router)/cols)
	for k := range m {
		dot, e := dotBound(s.Router[k*cols:(k+1)*cols], s.S[0], s.E[0])
		z := dot / root
		m[k] = math.Tanh(z)
		me[k] = e/root*(1+rel) + abs(z)*rel + min(1, abs(z))*36*u + tiny
	}
	for n := range len(s.Bias) / len(s.S) {
		v, e := make([]float64, cols), make([]float64, cols)
		for j := range s.S {
			i := n*len(s.S) + j
			w, we := dotBound(s.Coefs[i*len(m):(i+1)*len(m)], m, me)
			w += s.Bias[i]
			we += 2 * gamma(len(m)+2) * (abs(s.Bias[i]) + abs(w))
			for c, x := range s.S[j] {
				v[c] += w * x
				e[c] += 2*gamma(len(s.S)+1)*abs(w*x) + (abs(w)*s.E[j][c]+(abs(x)+s.E[j][c])*we)*(1+gamma(2*len(s.S)+2)) + tiny
			}
		}
		y, bound = append(y, v), append(bound, e)
	}
	return y, bound
}

// dotBound is the product of exact weights and an x that is off by e, with the bound of float32's error in it.
func dotBound(w, x, e []float64) (sum, bound float64) {
	var terms, in float64
	for i, a := range w {
		sum += a * x[i]
		terms += abs(a * x[i])
		in += abs(a) * e[i]
	}
	return sum, 2*gamma(len(w)+2)*(terms+in) + in + tiny*float64(len(w)+1)
}

func (n *naive) altup(o compute.AltUp) error {
	x, router, err := n.two(o.X, o.Router)
	if err != nil {
		return err
	}
	coefs, bias, err := n.two(o.Coefs, o.Bias)
	if err != nil {
		return err
	}
	y, err := n.optional(o.Y)
	if err != nil {
		return err
	}
	scale, err := n.optional(o.Scale)
	if err != nil {
		return err
	}
	cols := router.cols
	for t := range x.rows() {
		s := Streams{Router: router.v, Coefs: coefs.v, Bias: bias.v, Eps: float64(o.Eps)}
		for _, of := range []value{x, y} {
			for at := 0; at < of.cols; at += cols {
				v, e := of.row(t)
				s.S, s.E = append(s.S, v[at:at+cols]), append(s.E, e[at:at+cols])
			}
		}
		sums, bounds := s.Mix()
		v, e := n.vals[o.Out].row(t)
		for i := range sums {
			copy(v[i*cols:], sums[i])
			copy(e[i*cols:], bounds[i])
		}
		if o.First != 0 {
			fv, fe := n.vals[o.First].row(t)
			copy(fv, sums[0])
			copy(fe, bounds[0])
		}
		if o.Scaled != 0 {
			sv, se := n.vals[o.Scaled].row(t)
			for c, f := range scale.v {
				sv[c] = sums[0][c] * f
				se[c] = bounds[0][c]*abs(f) + 2*u*abs(sv[c]) + tiny
			}
		}
	}
	return nil
}
