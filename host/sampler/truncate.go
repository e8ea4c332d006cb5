package sampler

import (
	"cmp"
	"slices"

	"tuff/host/compute"
)

// atOne is the decay of temperature 1, at which the truncations look.
var atOne = compute.DecayOf(1)

// larger orders candidates by logit, descending, then as they would be in float32, before penalties, then by id.
func larger(a, b candidate) int {
	switch {
	case a.logit != b.logit:
		return cmp.Compare(b.logit, a.logit)
	case a.raw != b.raw:
		return cmp.Compare(b.raw, a.raw)
	}
	return cmp.Compare(a.id, b.id)
}

// topK keeps the TopK largest logits, sorted, as those of a device come. Without it all candidates are sorted, as the next stages need.
func (s *Sampler) topK() {
	if k := s.p.TopK; k > 0 && k < len(s.cand) {
		if !slices.IsSortedFunc(s.cand, larger) {
			s.selectLargest(k)
		}
		s.cand = s.cand[:k]
	}
	slices.SortFunc(s.cand, larger)
}

// scanFrom is how many times as many logits there are as are kept, for a scan to gain by leaving the others out.
const scanFrom = 8

// takeLargest makes the n largest logits the candidates, the lower token of equals: those that beat the least of the n largest so far
// are gathered, and thinned out whenever there are twice as many.
func (s *Sampler) takeLargest(logits []float32, n int) error {
	s.cand = s.cand[:0]
	var least float32
	take := func(i int) error {
		l := logits[i]
		if l != l {
			return &NaNError{i}
		}
		if s.cand = append(s.cand, candidate{id: int32(i), raw: l, logit: compute.FixedLogit(l)}); len(s.cand) < 2*n {
			return nil
		}
		s.selectLargest(n)
		s.cand = s.cand[:n]
		least = s.cand[0].raw
		for _, c := range s.cand[1:] {
			least = min(least, c.raw)
		}
		return nil
	}
	for i := range 2 * n {
		if err := take(i); err != nil {
			return err
		}
	}
	i := 2 * n
	for ; i+4 <= len(logits); i += 4 {
		if q := logits[i : i+4 : i+4]; q[0] <= least && q[1] <= least && q[2] <= least && q[3] <= least {
			continue // no number is not less either
		}
		for j := i; j < i+4; j++ {
			if !(logits[j] <= least) {
				if err := take(j); err != nil {
					return err
				}
			}
		}
	}
	for ; i < len(logits); i++ {
		if !(logits[i] <= least) {
			if err := take(i); err != nil {
				return err
			}
		}
	}
	if len(s.cand) > n {
		s.selectLargest(n)
		s.cand = s.cand[:n]
	}
	return nil
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

// topP keeps the shortest prefix of likeliest candidates whose probabilities reach TopP.
// Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.
func (s *Sampler) topP() {
	if s.p.TopP >= 1 {
		return
	}
	reach := s.set.Reach(s.weigh(atOne))
	var sum uint64
	for i := range s.cand {
		if sum += s.cand[i].weight; sum >= reach {
			s.cand = s.cand[:i+1]
			return
		}
	}
}

// minP keeps candidates with p ≥ MinP · p_max: logits at most −ln(MinP) behind the largest. Source: Nguyen et al., Turning Up the Heat:
// Min-p Sampling, 2024.
func (s *Sampler) minP() {
	if s.set.Behind < 0 {
		return
	}
	for i := range s.cand {
		if s.cand[0].logit-s.cand[i].logit > s.set.Behind {
			s.cand = s.cand[:i]
			return
		}
	}
}
