package conformance

import (
	"fmt"
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

// route picks by sorting; a case whose ranks lie too near each other to be told apart is a mistake of the suite.
func (n *naive) route(o compute.Route) error {
	logits, err := n.get(o.Logits)
	if err != nil {
		return err
	}
	bias, err := n.optional(o.Bias)
	if err != nil {
		return err
	}
	scale, err := n.optional(o.Scale)
	if err != nil {
		return err
	}
	ids, weights := n.vals[o.IDs], n.vals[o.Weights]
	for t := range ids.rows() {
		l, le := logits.row(t)
		score, own := scores(o.Gate, l, le)
		rank := make([]float64, len(l))
		for e := range rank {
			if rank[e] = score[e]; o.Gate >= compute.TopSoftmaxGate {
				rank[e] = l[e]
			}
			if o.Bias != 0 {
				rank[e] += bias.v[e]
			}
		}
		picked := pickExperts(o, rank)
		if o.Gate == compute.SparseMixerGate {
			if score, own, err = mixerScores(o, l, le, picked); err != nil {
				return err
			}
		}
		var sum float64
		for _, e := range picked {
			sum += score[e]
		}
		div := 1.0
		switch {
		case o.Gate == compute.TopSoftmaxGate:
			div = sum
		case o.Normalize && o.Gate != compute.SparseMixerGate:
			div = max(sum, 0x1p-14)
		}
		iv, ie := ids.row(t)
		wv, we := weights.row(t)
		for j, e := range picked {
			iv[j], ie[j] = float64(e), tiny
			wv[j] = float64(o.Factor) * score[e] / div
			if o.Scale != 0 {
				wv[j] *= scale.v[e]
			}
			we[j] = abs(wv[j])*(2*own+2*gamma(len(picked)+5)) + tiny*4
		}
	}
	return nil
}

// scores are a router's scores and the relative bound of their float32 error.
func scores(g compute.Gate, l, le []float64) (s []float64, rel float64) {
	s = make([]float64, len(l))
	widest := 0.0
	if g == compute.SigmoidGate || g == compute.TopSigmoidGate {
		for e, v := range l {
			s[e] = 1 / (1 + math.Exp(-v))
			widest = max(widest, abs(v), le[e])
		}
		return s, 2*u*(2*(3+2*widest)+12) + 2*maxAbs(le)
	}
	top := l[0]
	for _, v := range l {
		top = max(top, v)
	}
	var sum float64
	for e, v := range l {
		s[e] = math.Exp(v - top)
		sum += s[e]
		widest = max(widest, top-v)
	}
	for e := range s {
		s[e] /= sum
	}
	return s, 2*u*(2*(3+2*widest)+12) + gamma(len(l)+2) + 4*maxAbs(le) + 4*u*maxAbs(l)
}

// mixerScores are the softmax of each picked expert among those left that come near it, and the relative bound of their float32
// error. A case where rounding decides whether one comes near is a mistake of the suite.
func mixerScores(o compute.Route, l, le []float64, picked []int) (s []float64, rel float64, err error) {
	s = make([]float64, len(l))
	gone := make([]bool, len(l))
	widest := 0.0
	for _, j := range picked {
		var sum float64
		for e, v := range l {
			gap, limit := l[j]-v, 2*float64(o.Jitter)*max(abs(v), l[j])
			if e != j && !gone[e] && abs(gap-limit) < 8*u*(abs(v)+abs(l[j]))+2*maxAbs(le) {
				return nil, 0, fmt.Errorf("conformance: route: expert %d beside %d: got %g of %g, want no tie", e, j, gap, limit)
			}
			if !gone[e] && gap <= limit {
				sum += math.Exp(-gap)
				widest = max(widest, gap)
			}
		}
		s[j], gone[j] = 1/sum, true
	}
	return s, 2*u*(2*(3+2*widest)+12) + gamma(len(l)+2) + 4*maxAbs(le) + 4*u*maxAbs(l), nil
}

// pickExperts lists the experts of one token, best first.
func pickExperts(o compute.Route, rank []float64) []int {
	groups := max(o.Groups, 1)
	size := len(rank) / groups
	competes := make([]bool, groups)
	for i := range competes {
		competes[i] = groups == 1
	}
	if groups > 1 {
		value := make([]float64, groups)
		for g := range value {
			best := topOf(rank[g*size:(g+1)*size], 2)
			value[g] = rank[g*size+best[0]]
			if o.GroupTop2 {
				value[g] += rank[g*size+best[1]]
			}
		}
		for _, g := range topOf(value, o.UsedGroups) {
			competes[g] = true
		}
	}
	left := make([]float64, len(rank))
	for e := range left {
		if left[e] = rank[e]; !competes[e/size] {
			left[e] = math.Inf(-1)
		}
	}
	return topOf(left, o.Used)
}

// topOf lists the places of the k largest values, the lower of equals first.
func topOf(v []float64, k int) []int {
	var list []int
	for range min(k, len(v)) {
		best := -1
		for i := range v {
			taken := false
			for _, j := range list {
				taken = taken || i == j
			}
			if !taken && (best < 0 || v[i] > v[best]) {
				best = i
			}
		}
		list = append(list, best)
	}
	return list
}

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
