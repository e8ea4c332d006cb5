package conformance

import (
	"math"

	"tuff/host/compute"
)

// slope bounds the derivative of a function near x.
func slope(f compute.Function, x float64) float64 {
	switch f {
	case compute.ReLU2:
		return 2*abs(x) + 1e-3
	case compute.Sigmoid:
		return 0.25
	}
	return 1.13 // GELU's; the others' are smaller
}

// ActivationBound is a function's value at x and the bound of the error of float32's, of an x that is itself off by e.
func ActivationBound(f compute.Function, x, e float64) (y, bound float64) {
	y, own := activate(f, x)
	return y, own + slope(f, x)*e
}

// activate is a function with the bound of float32's error in it. exp is good to 3+2|x| ULP and division to 2.5 (Vulkan
// specification, precision of operations); an ULP is at most 2u.
func activate(f compute.Function, x float64) (y, own float64) {
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	exp := func(z float64) float64 { return 2 * u * (2*(3+2*abs(z)) + 12) } // relative, of what is made with one exp of z
	flush := 0x1p-118 * (1 + abs(x))                                        // where exp leaves the range of division
	switch f {
	case compute.SiLU:
		y = x * sigmoid(x)
		return y, abs(y)*exp(x) + flush
	case compute.GELU:
		y = x / 2 * math.Erfc(-x/math.Sqrt2)
		// The usual fits of erfc are good to 1.2e-7 of its value; z² is rounded before exp.
		return y, abs(y)*(3e-7+exp(x*x/2)+x*x*2*u) + 0x1p-118*(1+abs(x))
	case compute.GELUTanh:
		z := 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
		y = x * sigmoid(z)
		return y, abs(y)*(exp(z)+8*u*min(abs(z), 1e3)) + flush
	case compute.ReLU:
		return max(x, 0), tiny
	case compute.ReLU2:
		y = max(x, 0) * max(x, 0)
		return y, 2*u*y + tiny
	case compute.Sigmoid:
		y = sigmoid(x)
		return y, y*exp(x) + tiny
	case compute.Tanh:
		return math.Tanh(x), min(1, abs(x))*32*u + tiny
	case compute.Identity:
		return x, tiny
	case compute.ClampedSiLU:
		g := min(x, 7)
		y = g * sigmoid(1.702*g)
		return y, abs(y)*(exp(1.702*g)+4*u*abs(g)) + flush
	}
	panic("BUG: conformance: no textbook form of " + f.String())
}

func (n *naive) activation(o compute.Activation) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	up, err := n.optional(o.Up)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for i := range out.v {
		y, e := ActivationBound(o.Fn, x.v[i], x.e[i])
		if o.Up != 0 {
			f, fe := up.v[i%len(up.v)], up.e[i%len(up.v)] // Up may be one row for all
			if o.Fn == compute.ClampedSiLU {
				f = min(max(f, -7), 7) + 1
				fe += 2 * u * abs(f)
			}
			e = e*(abs(f)+fe) + abs(y)*fe + 2*u*abs(y*f) + tiny
			y *= f
		}
		out.v[i], out.e[i] = y, e
	}
	return nil
}

func (n *naive) scale(o compute.Scale) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	factor, limit := float64(o.Factor), float64(o.Cap)
	for i := range out.v {
		y := factor * x.v[i]
		e := abs(factor)*x.e[i] + 2*u*abs(y) + tiny
		if limit > 0 {
			th := math.Tanh(y / limit)
			e += limit*min(1, abs(y/limit))*36*u + tiny*(1+limit)
			y = limit * th
		}
		out.v[i], out.e[i] = y, e
	}
	return nil
}
