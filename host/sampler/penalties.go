package sampler

import "tuff/host/compute"

// window counts the last n tokens.
type window struct {
	n      int // −1: all
	ring   []int32
	at     int // the oldest, once there are n
	counts map[int32]int
	long   bool // more than a device keeps were pushed: ring does not hold all of them
}

func (w *window) reset(n int) {
	*w = window{n: n, ring: w.ring[:0], counts: map[int32]int{}}
}

// tokens appends those in the window to dst, the oldest first.
func (w *window) tokens(dst []int32) []int32 {
	return append(append(dst, w.ring[w.at:]...), w.ring[:w.at]...)
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
	case w.n > 0 || len(w.ring) < compute.MaxWindow:
		w.ring = append(w.ring, id)
	default:
		w.long = true
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
	if !s.set.Penalties {
		return
	}
	for id, n := range s.recent.counts {
		if int(id) < len(s.cand) && id >= 0 {
			s.cand[id].logit = s.set.Penalized(s.cand[id].logit, n)
		}
	}
}

// penalties reports whether any is on.
func (p *Params) penalties() bool {
	return p.RepeatPenalty != 1 || p.PresencePenalty != 0 || p.FrequencyPenalty != 0
}
