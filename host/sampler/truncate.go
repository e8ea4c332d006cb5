package sampler

import (
	"cmp"
	"math"
	"slices"
)

// larger orders candidates by logit, descending, then by id.
func larger(a, b candidate) int {
	if c := cmp.Compare(b.logit, a.logit); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id)
}

// topK keeps the TopK largest logits, sorted. Without it all candidates are sorted, as the next stages need.
func (s *Sampler) topK() {
	if k := s.p.TopK; k > 0 && k < len(s.cand) {
		s.selectLargest(k)
		s.cand = s.cand[:k]
	}
	slices.SortFunc(s.cand, larger)
}

// selectLargest moves the k largest candidates to the front, by quickselect with the median of three as the pivot.
func (s *Sampler) selectLargest(k int) {
	lo, hi := 0, len(s.cand)
	for hi-lo > 1 {
		c := s.cand[lo:hi]
		n := len(c)
		pivot := median(c[0], c[n/2], c[n-1])
		i, j := 0, n-1
		for i <= j {
			for larger(c[i], pivot) < 0 {
				i++
			}
			for larger(c[j], pivot) > 0 {
				j--
			}
			if i <= j {
				c[i], c[j] = c[j], c[i]
				i++
				j--
			}
		}
		switch {
		case k <= lo+j:
			hi = lo + j + 1
		case k >= lo+i:
			lo += i
		default:
			return
		}
	}
}

func median(a, b, c candidate) candidate {
	if larger(a, b) > 0 {
		a, b = b, a
	}
	if larger(b, c) > 0 {
		b = c
	}
	if larger(a, b) > 0 {
		return a
	}
	return b
}

// softmax sets the probabilities of the candidates, whose first is the largest.
func (s *Sampler) softmax() {
	m := float64(s.cand[0].logit)
	var sum float64
	for i := range s.cand {
		p := math.Exp(float64(s.cand[i].logit) - m)
		if math.IsInf(m, 0) { // all forbidden, or one infinitely likely: the first counts
			p = 0
			if i == 0 {
				p = 1
			}
		}
		s.cand[i].p = p
		sum += p
	}
	for i := range s.cand {
		s.cand[i].p /= sum
	}
}

// topP keeps the shortest prefix of likeliest candidates whose probabilities reach TopP.
// Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.
func (s *Sampler) topP() {
	if s.p.TopP >= 1 {
		return
	}
	s.softmax()
	var sum float64
	for i := range s.cand {
		if sum += s.cand[i].p; sum >= float64(s.p.TopP) {
			s.cand = s.cand[:i+1]
			return
		}
	}
}

// minP keeps candidates with p ≥ MinP · p_max. Source: Nguyen et al., Turning Up the Heat: Min-p Sampling, 2024.
func (s *Sampler) minP() {
	if s.p.MinP <= 0 {
		return
	}
	least := s.cand[0].logit + float32(math.Log(float64(s.p.MinP)))
	for i := range s.cand {
		if s.cand[i].logit < least {
			s.cand = s.cand[:i]
			return
		}
	}
}

// temperature divides the logits by Temp.
func (s *Sampler) temperature() {
	for i := range s.cand {
		s.cand[i].logit /= s.p.Temp
	}
}
