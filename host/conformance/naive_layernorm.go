package conformance

import (
	"math"

	"tuff/host/compute"
)

func (n *naive) layernorm(o compute.LayerNorm) error {
	x, w, err := n.two(o.X, o.Weight)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.Bias)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	size := out.cols
	if o.Group > 0 {
		size = o.Group
	}
	count := float64(size)
	for at := 0; at < len(out.v); at += size {
		var sum, terms, in float64
		for i := at; i < at+size; i++ {
			sum += x.v[i]
			terms += abs(x.v[i])
			in += x.e[i] + tiny
		}
		mean := sum / count
		meanErr := 2*gamma(size+2)*terms/count + in/count
		var squares, moved float64
		for i := at; i < at+size; i++ {
			d := x.v[i] - mean
			e := x.e[i] + meanErr + 2*u*abs(d) + tiny
			squares += d * d
			moved += 2*abs(d)*e + e*e
		}
		variance := squares/count + float64(o.Eps)
		root := math.Sqrt(variance)
		// As in RMSNorm; what the errors of the differences do is bounded by both ends of the interval of the variance.
		rel := 2*(gamma(size+2)/2+8*u) + moved/count/variance
		for i := at; i < at+size; i++ {
			c := i % out.cols
			d, weight := x.v[i]-mean, w.v[c]
			v := d / root * weight
			e := abs(v)*rel + (x.e[i]+meanErr+2*u*abs(d))/root*abs(weight)*(1+rel) + tiny*(1+abs(weight))
			if o.Bias != 0 {
				v += bias.v[c]
				e += 2 * u * (abs(v) + abs(bias.v[c]))
			}
			out.v[i], out.e[i] = v, e
		}
	}
	return nil
}
