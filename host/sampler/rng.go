package sampler

// rng is SplitMix64: each call adds a constant to the state and scrambles it. Any device with 64-bit integers can repeat it.
// Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
type rng struct{ state uint64 }

func newRNG(seed uint64) rng { return rng{seed} }

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float is uniform in [0, 1): the top 53 bits over 2⁵³.
func (r *rng) float() float64 { return float64(r.next()>>11) * 0x1p-53 }

// choose draws one candidate by its probability: the first whose running sum exceeds the random number.
func (s *Sampler) choose() int32 {
	s.softmax()
	u, sum := s.rng.float(), 0.0
	for i := range s.cand {
		if sum += s.cand[i].p; u < sum {
			return s.cand[i].id
		}
	}
	return s.cand[len(s.cand)-1].id // the sum fell short of 1 by rounding
}
