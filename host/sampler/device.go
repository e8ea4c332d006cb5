package sampler

import (
	"math"

	"tuff/host/compute"
)

// whole are the settings as whole numbers.
func (p *Params) whole() compute.Sampling {
	s := compute.Sampling{Random: p.Temp > 0, TopK: max(p.TopK, 0), TopP: uint64(math.Round(float64(p.TopP) * 0x1p32)), Behind: -1,
		Penalties: p.penalties(), Repeat: part(float64(p.RepeatPenalty)), Unrepeat: part(1 / float64(p.RepeatPenalty)),
		Presence: fixed(p.PresencePenalty), Frequency: fixed(p.FrequencyPenalty), LastN: p.RepeatLastN}
	if s.Random {
		s.Decay = compute.DecayOf(p.Temp)
	}
	if p.MinP > 0 {
		s.Behind = int64(-math.Log(float64(p.MinP)) * 0x1p32)
	}
	if p.RepeatLastN < 0 {
		s.LastN = math.MaxInt32
	}
	return s
}

func part(f float64) uint32 { return uint32(math.Round(f * 0x1p24)) }

func fixed(f float32) int64 { return int64(math.Round(float64(f) * 0x1p32)) }

// Device sets how a device that is given the n largest logits is to choose the next tokens, keeping the memory of dst's lists and its
// Stop. It reports whether the device can: the tokens are then those that Sample would give, and Chose must be told of each.
func (s *Sampler) Device(dst *compute.Sampling, n, tokens int) bool {
	if !s.Enough(n, tokens) || s.set.Penalties && (s.recent.long || len(s.recent.ring) > compute.MaxWindow) {
		return false
	}
	window, stop := dst.Window[:0], dst.Stop
	*dst = s.set
	dst.State, dst.Window, dst.Stop = s.state, window, stop
	if s.set.Penalties {
		dst.Window = s.recent.tokens(window)
	}
	return true
}

// Chose notes that a device has chosen a token: the random numbers go on as if Sample had. Accept is to be called as well.
func (s *Sampler) Chose() {
	if s.set.Random {
		compute.NextRandom(&s.state)
	}
}
