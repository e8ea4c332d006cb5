package fallback

import (
	"math"

	"tuff/host/compute"
)

// route runs compute.Route: one unit per token.
type route struct {
	op                                compute.Route
	logits, bias, scale, ids, weights *tensor // bias and scale may be nil
}

func (k *route) begin(s *compute.Step) int { return len(s.Tokens) }

func (k *route) unit(w *worker, t int) {
	logits := k.logits.row(t)
	n := len(logits)
	score, rank := make([]float64, n), make([]float64, n)
	gateScores(k.op.Gate, logits, score)
	for e := range rank {
		rank[e] = score[e]
		if k.op.Gate >= compute.TopSoftmaxGate {
			rank[e] = float64(logits[e])
		}
		if k.bias != nil {
			rank[e] += float64(k.bias.row(0)[e])
		}
	}
	k.dropGroups(rank)
	ids, weights := k.ids.row(t), k.weights.row(t)
	var sum float64
	for j := range ids {
		best := 0
		for e, r := range rank {
			if r > rank[best] {
				best = e
			}
		}
		ids[j] = float32(best)
		if k.op.Gate == compute.SparseMixerGate {
			weights[j] = float32(k.factor(best) / nearly(rank, best, float64(k.op.Jitter)))
		}
		rank[best] = math.Inf(-1)
		sum += score[best]
	}
	if k.op.Gate == compute.SparseMixerGate {
		return
	}
	div := 1.0
	if k.op.Normalize || k.op.Gate == compute.TopSoftmaxGate {
		div = max(sum, 0x1p-14)
		if k.op.Gate == compute.TopSoftmaxGate {
			div = sum
		}
	}
	for j, id := range ids {
		weights[j] = float32(k.factor(int(id)) * score[int(id)] / div)
	}
}

// factor is what the weight of expert e is multiplied by.
func (k *route) factor(e int) float64 {
	f := float64(k.op.Factor)
	if k.scale != nil {
		f *= float64(k.scale.row(0)[e])
	}
	return f
}

// nearly sums what the expert at best competes with, itself among them, relative to it; those picked before rank at −∞.
func nearly(rank []float64, best int, jitter float64) (sum float64) {
	top := rank[best]
	for _, l := range rank {
		if !math.IsInf(l, -1) && top-l <= 2*jitter*max(math.Abs(l), top) {
			sum += math.Exp(l - top)
		}
	}
	return sum
}

// gateScores are the scores before any are picked. The softmax over the picked ones is that over all, normalised.
func gateScores(g compute.Gate, logits []float32, score []float64) {
	if g == compute.SigmoidGate || g == compute.TopSigmoidGate {
		for e, l := range logits {
			score[e] = 1 / (1 + math.Exp(-float64(l)))
		}
		return
	}
	top := math.Inf(-1)
	for _, l := range logits {
		top = max(top, float64(l))
	}
	var sum float64
	for e, l := range logits {
		score[e] = math.Exp(float64(l) - top)
		sum += score[e]
	}
	for e := range score {
		score[e] /= sum
	}
}

// dropGroups takes the experts of groups that do not compete out of the ranking.
func (k *route) dropGroups(rank []float64) {
	if k.op.Groups < 2 {
		return
	}
	size := len(rank) / k.op.Groups
	value := make([]float64, k.op.Groups)
	for g := range value {
		first, second := math.Inf(-1), math.Inf(-1)
		for _, r := range rank[g*size : (g+1)*size] {
			if r > first {
				first, second = r, first
			} else if r > second {
				second = r
			}
		}
		value[g] = first
		if k.op.GroupTop2 {
			value[g] = first + second
		}
	}
	kept := make([]bool, k.op.Groups)
	for range k.op.UsedGroups {
		best := -1
		for g, v := range value {
			if !kept[g] && (best < 0 || v > value[best]) {
				best = g
			}
		}
		kept[best] = true
	}
	for e := range rank {
		if !kept[e/size] {
			rank[e] = math.Inf(-1)
		}
	}
}
