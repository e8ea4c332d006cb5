package conformance

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// The formulas below are each written from host/compute's documentation of the op, in float64. With every result goes
// the bound of its error, made of two parts: what the errors of the inputs become (first order, with the second order
// inside the factor 2 of the other part or spelled out), and what float32 arithmetic adds: c·γ_k·Σ|terms| for sums of k
// terms in any order (Higham, 3.1), with c = 2 for a fused multiply-add against a separate one and a last rounding.

func (n *naive) embed(o compute.Embed) error {
	w, err := n.weights(o.Table)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	look := n.s.Tokens
	if o.Positions {
		look = n.s.Pos
	}
	for t, id := range look {
		v, e := out.row(t)
		w(int(id), v, e)
		scale := float64(o.Scale)
		for c := range v {
			v[c] *= scale
			e[c] = e[c]*abs(scale) + tiny
			if o.Scale != 1 {
				e[c] += u * abs(v[c])
			}
		}
	}
	return nil
}

func (n *naive) takerows(o compute.TakeRows) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for i, r := range n.s.Outputs {
		v, e := out.row(i)
		xv, xe := x.row(int(r))
		copy(v, xv)
		for c := range e {
			e[c] = xe[c] + tiny
		}
	}
	return nil
}

// topk sorts whole rows.
func (n *naive) topk(o compute.TopK) error {
	x, err := n.get(o.X)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for r := range out.rows() {
		xv, xe := x.row(r)
		order := make([]int, len(xv))
		for c := range order {
			order[c] = c
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(xv[b], xv[a]) })
		v, e := out.row(r)
		for j := range o.K {
			c := order[j]
			if xe[c] > tiny { // which only subnormal numbers notice
				return fmt.Errorf("conformance: topk: got x[%d,%d] with an error of %g, want exact values", r, c, xe[c])
			}
			v[j], v[o.K+j] = xv[c], float64(c)
			e[j], e[o.K+j] = 0, 0
		}
	}
	return nil
}

func (n *naive) add(o compute.Add) error {
	a, b, err := n.two(o.A, o.B)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for i := range out.v {
		j := i % len(b.v) // B may be one row for all
		out.v[i] = a.v[i] + b.v[j]
		in := a.e[i] + b.e[j]
		out.e[i] = in + u*(abs(out.v[i])+in)*1.01 + tiny // correctly rounded
	}
	return nil
}

func (n *naive) swiglu(o compute.SwiGLU) error {
	g, up, err := n.two(o.Gate, o.Up)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for i := range out.v {
		x, y := g.v[i], up.v[i]
		silu := x / (1 + math.Exp(-x))
		out.v[i] = silu * y
		// exp is good to 3+2|x| ULP and division to 2.5 (Vulkan specification, precision of operations); an ULP is at
		// most 2u. The slope of silu is at most 1.1. Where exp(−x) leaves the range of division, |silu| is below 2⁻¹¹⁸.
		own := 2 * u * (2*(3+2*abs(x)) + 5 + 4)
		in := 1.1*g.e[i]*(abs(y)+up.e[i]) + abs(silu)*up.e[i]
		out.e[i] = own*abs(out.v[i]) + in*(1+own) + 0x1p-118*(1+abs(y))
	}
	return nil
}

func (n *naive) two(a, b compute.Ref) (x, y value, err error) {
	if x, err = n.get(a); err == nil {
		y, err = n.get(b)
	}
	return x, y, err
}

func (n *naive) rmsnorm(o compute.RMSNorm) error {
	x, w, err := n.two(o.X, o.Weight)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	size := out.cols
	if o.Group > 0 {
		size = o.Group
	}
	for at := 0; at < len(out.v); at += size {
		var squares, moved float64
		for i := at; i < at+size; i++ {
			squares += x.v[i] * x.v[i]
			moved += 2*abs(x.v[i])*x.e[i] + x.e[i]*x.e[i] + tiny
		}
		mean := squares/float64(size) + float64(o.Eps)
		root := math.Sqrt(mean)
		// All terms of the sum are positive: relative error γ, halved by the root like what the inputs bring; then
		// inversesqrt's 2 ULP and the three roundings of mean, product and product.
		in := moved / float64(size) / mean
		rel := 2*(gamma(size+2)/2+7*u) + in
		for i := at; i < at+size; i++ {
			weight := w.v[i%out.cols%w.cols]
			out.v[i] = x.v[i] / root * weight
			out.e[i] = abs(out.v[i])*rel + x.e[i]/root*abs(weight)*(1+rel) + tiny*(1+abs(weight))
		}
	}
	return nil
}

func (n *naive) matmul(o compute.MatMul) error {
	x, err := n.get(o.X)
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
	for c := range out.cols {
		w(c, wv, we)
		for r := range out.rows() {
			xv, xe := x.row(r)
			sum, bound := n.product(xv, xe, wv, we)
			if o.Bias != 0 {
				sum += bias.v[c]
				bound += 2 * u * (abs(sum) + abs(bias.v[c]))
			}
			v, e := out.row(r)
			v[c], e[c] = sum, bound
		}
	}
	return nil
}

// product is the sum of x[i]·w[i] and its bound: of the sum in any order, of what the factors bring, and of results below tiny.
func (n *naive) product(x, xe, w, we []float64) (sum, bound float64) {
	var terms, in, small float64
	for i, a := range x {
		sum += a * w[i]
		terms += abs(a * w[i])
		in += abs(w[i])*xe[i] + (abs(a)+xe[i])*we[i]
		small += 1 + abs(a) + abs(w[i])
	}
	bound = 2*gamma(len(x)+2)*(terms+in) + in + tiny*small
	if n.fast {
		bound += fastDot(x, xe, w, terms)
		if n.halfSums { // of 16 products, or of pairs of them
			bound += 16 * uF16 * terms
		}
	}
	return sum, bound
}

// fastDot is what fast arithmetic may add to a dot product: activations in int8 with a scale for each block of 32, from its largest
// (half a step of max/127 each), or both sides in half precision.
func fastDot(x, xe, w []float64, terms float64) float64 {
	bound := 2.01 * uF16 * terms
	for at := 0; at < len(x); at += int8Block {
		end := min(at+int8Block, len(x))
		var top, weights float64
		for i := at; i < end; i++ {
			top, weights = max(top, abs(x[i])+xe[i]), weights+abs(w[i])
		}
		bound += top / 127 / 2 * 1.01 * weights
	}
	return bound
}

// int8Block is the number of activations with one scale.
const int8Block = 32

func (n *naive) rope(o compute.RoPE) error {
	x, table, err := n.two(o.X, o.Table)
	if err != nil {
		return err
	}
	out := n.vals[o.Out]
	for t := range out.rows() {
		xv, xe := x.row(t)
		v, e := out.row(t)
		angle, _ := table.row(int(n.s.Pos[t]))
		if o.Long != 0 && n.keysOf(t) > o.LongFrom {
			long, err := n.get(o.Long)
			if err != nil {
				return err
			}
			angle, _ = long.row(int(n.s.Pos[t]))
		}
		for c := range v {
			h, d := c/o.HeadDim*o.HeadDim, c%o.HeadDim
			if d >= o.RotDim {
				v[c], e[c] = xv[c], xe[c]+tiny
				continue
			}
			// Element d is the first or the second of pair i; other is its partner.
			var i, other int
			var first bool
			switch o.Pairing {
			case compute.Adjacent:
				i, other, first = d/2, h+(d^1), d%2 == 0
			case compute.Halves:
				half := o.RotDim / 2
				i, other, first = d%half, h+(d+half)%o.RotDim, d < half
			}
			cos, sin := angle[2*i], angle[2*i+1]
			if first {
				sin = -sin
			}
			v[c] = xv[c]*cos + xv[other]*sin
			in := xe[c]*abs(cos) + xe[other]*abs(sin)
			e[c] = in + 2*gamma(3)*(abs(xv[c]*cos)+abs(xv[other]*sin)+in) + 4*tiny
		}
	}
	return nil
}

// keysOf is the length that the sequence of row t will have.
func (n *naive) keysOf(t int) int {
	for i := range n.s.Seqs {
		if q := &n.s.Seqs[i]; t >= q.First && t < q.First+q.Count {
			return max(q.Len, q.Until)
		}
	}
	return 0
}

func (n *naive) kvstore(o compute.KVStore) error {
	for _, pair := range [][2]compute.Ref{{o.K, o.KCache}, {o.V, o.VCache}} {
		if pair[0] == 0 {
			continue
		}
		src, err := n.get(pair[0])
		if err != nil {
			return err
		}
		cache := n.vals[pair[1]]
		for i := range n.s.Seqs {
			q := &n.s.Seqs[i]
			for t := q.First; t < q.First+q.Count; t++ {
				sv, se := src.row(t)
				v, e := cache.row(slot(n.pr.p, q, int(n.s.Pos[t])))
				cacheRow(n.pr.p.At(pair[1]).DType, sv, se, v, e)
			}
		}
	}
	return nil
}
