package conformance

import (
	"fmt"
	"math"

	"tuff/host/compute"
)

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
