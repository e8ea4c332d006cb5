package sampler

import "tuff/host/compute"

// choose draws one candidate by its weight: the first whose running sum exceeds the random number.
func (s *Sampler) choose() int32 {
	below := compute.Below(compute.NextRandom(&s.state), s.weigh(s.set.Decay))
	var sum uint64
	for i := range s.cand {
		if sum += s.cand[i].weight; sum > below {
			return s.cand[i].id
		}
	}
	panic("BUG: sampler: the running sum does not reach the sum")
}

// weigh sets the weights of the candidates, whose first is the largest, and returns their sum.
func (s *Sampler) weigh(d compute.Decay) (sum uint64) {
	for i := range s.cand {
		s.cand[i].weight = d.Weight(s.cand[0].logit - s.cand[i].logit)
		sum += s.cand[i].weight
	}
	return sum
}
