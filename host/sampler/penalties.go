package sampler

// window counts the last n tokens.
type window struct {
	n      int // −1: all
	ring   []int32
	at     int
	counts map[int32]int
}

func (w *window) reset(n int) {
	*w = window{n: n, ring: w.ring[:0], counts: map[int32]int{}}
}

func (w *window) push(id int32) {
	switch {
	case w.n == 0:
		return
	case w.n > 0 && len(w.ring) == w.n:
		old := w.ring[w.at]
		if w.counts[old]--; w.counts[old] == 0 {
			delete(w.counts, old)
		}
		w.ring[w.at] = id
		w.at = (w.at + 1) % w.n
	case w.n > 0:
		w.ring = append(w.ring, id)
	}
	w.counts[id]++
}

// penalize lowers the logits of tokens in the window:
//
//	l ← l / RepeatPenalty if l > 0, else l · RepeatPenalty
//	l ← l − count · FrequencyPenalty − PresencePenalty
//
// Sources: Keskar et al., CTRL, 2019, section 4.1 (with the sign handled); OpenAI's API reference for the other two.
func (s *Sampler) penalize() {
	if !s.p.penalties() {
		return
	}
	for id, n := range s.recent.counts {
		if int(id) >= len(s.cand) || id < 0 {
			continue
		}
		s.cand[id].logit = s.p.penalized(s.cand[id].logit, n)
	}
}

// penalties reports whether any is on.
func (p *Params) penalties() bool {
	return p.RepeatPenalty != 1 || p.PresencePenalty != 0 || p.FrequencyPenalty != 0
}

// penalized is the logit of a token that is n times in the window.
func (p *Params) penalized(l float32, n int) float32 {
	if l > 0 {
		l /= p.RepeatPenalty
	} else {
		l *= p.RepeatPenalty
	}
	return l - float32(n)*p.FrequencyPenalty - p.PresencePenalty
}
