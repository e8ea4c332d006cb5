package compute

import (
	"fmt"
	"math"
	"math/bits"
)

// Sampling is all that a Sample op needs to know beside its candidates. Float exponentials differ from device to device, so every
// number of it is whole and so is the arithmetic: the same candidates give the same token everywhere. The zero value takes the
// largest logit.
//
// Logits and distances between them are multiples of 2⁻³² in 64 bits (FixedLogit). A candidate that is d behind the largest has the
// weight 2³⁹·2^(−d·Decay), of which Weight is right to 1 part in 10⁷, and 1 of its 2⁻³⁹ of the largest weight.
type Sampling struct {
	Random bool   // by the weights, else the largest logit
	State  uint64 // of the generator, NextRandom
	TopK   int    // 0: all
	TopP   uint64 // of 2³²; 2³² and more: off
	Behind int64  // what is more than this behind the largest is dropped (min-p); less than 0: off
	Decay  Decay  // of the choice
	// The penalties, of tokens that are among the last LastN of Window, the newest at its end.
	Penalties           bool
	Repeat, Unrepeat    uint32 // factors of logits below and above zero, of 2²⁴
	Presence, Frequency int64  // of 2³²
	LastN               int
	Window              []int32
	// Stop are tokens that end a run of several steps.
	Stop []int32
}

const (
	// MaxWindow, MaxStops and MaxSteps bound Sampling.Window, Sampling.Stop and Call.Steps: they lie in every step buffer.
	MaxWindow = 1024
	MaxStops  = 64
	MaxSteps  = 64
	// MaxRepeat, MaxPenalty and maxCount bound penalties, so that 64 bits hold what they make of a logit.
	MaxRepeat  = 128
	MaxPenalty = 1024
	maxCount   = 1 << 18

	maxLogit = 1 << 20 // in absolute terms: what is beyond counts as it
	oneBits  = 39      // Weight(0) is 2³⁹, and sums of 2²⁴ weights fit into 64 bits
)

func (s *Sampling) check(p *Program) error {
	switch {
	case len(s.Window) > MaxWindow || len(s.Stop) > MaxStops:
		return fmt.Errorf("got a window of %d tokens and %d that stop, want at most %d and %d", len(s.Window), len(s.Stop), MaxWindow, MaxStops)
	case s.TopK < 0 || s.LastN < 0:
		return fmt.Errorf("got the largest %d and the last %d tokens, want 0 or more", s.TopK, s.LastN)
	case s.Penalties && (s.Repeat > MaxRepeat<<24 || s.Unrepeat > MaxRepeat<<24 || beyond(s.Presence) || beyond(s.Frequency)):
		return fmt.Errorf("got penalties %d, %d of 2^24 and %d, %d of 2^32, want at most %d and ±%d", s.Repeat, s.Unrepeat, s.Presence, s.Frequency, MaxRepeat, MaxPenalty)
	case s.Random && !s.Decay.valid():
		return fmt.Errorf("got a decay of %d·2^-%d, want 2^31 to 2^32 with 14 to 48", s.Decay.Mantissa, s.Decay.Shift)
	}
	for i, id := range s.Window {
		if id < 0 || p.VocabSize > 0 && int(id) >= p.VocabSize {
			return fmt.Errorf("token %d of the window: got %d, want 0 to %d", i, id, p.VocabSize-1)
		}
	}
	return nil
}

func beyond(penalty int64) bool { return penalty > MaxPenalty<<32 || penalty < -MaxPenalty<<32 }

// Recent is the part of the window that penalties look at.
func (s *Sampling) Recent() []int32 { return s.Window[max(0, len(s.Window)-s.LastN):] }

// FixedLogit is a logit in multiples of 2⁻³², rounded toward zero, at most 2²⁰ from it. NaN is 0.
func FixedLogit(l float32) int64 {
	switch {
	case l >= maxLogit:
		return maxLogit << 32
	case l <= -maxLogit:
		return -maxLogit << 32
	case l != l:
		return 0
	}
	return int64(float64(l) * (1 << 32)) // exact but for the conversion
}

// Penalized is the logit of a token that is n > 0 times in the window.
func (s *Sampling) Penalized(l int64, n int) int64 {
	if l > 0 {
		l = int64(mulShift(uint64(l), s.Unrepeat, 24))
	} else {
		l = -int64(mulShift(uint64(-l), s.Repeat, 24))
	}
	return l - int64(min(n, maxCount))*s.Frequency - s.Presence
}

// mulShift is a·m / 2^shift, rounded down; the result must fit.
func mulShift(a uint64, m uint32, shift uint) uint64 {
	hi, lo := bits.Mul64(a, uint64(m))
	return hi<<(64-shift) | lo>>shift
}

// Decay is the number Mantissa·2^−Shift, 2³¹ ≤ Mantissa < 2³².
type Decay struct {
	Mantissa uint32
	Shift    uint8
}

func (d Decay) valid() bool { return d.Mantissa >= 1<<31 && d.Shift >= 14 && d.Shift <= 48 }

// DecayOf is log2(e)/temp: temperatures below 2⁻¹⁶ and above 2¹⁶ count as these.
func DecayOf(temp float32) Decay {
	frac, exp := math.Frexp(math.Log2E / min(max(float64(temp), 0x1p-16), 0x1p16))
	return Decay{uint32(min(math.Round(frac*0x1p32), math.MaxUint32)), uint8(32 - exp)}
}

// taylor are ln(2)^k/k! of 2³², k = 1 to 11.
var taylor = func() (t [12]uint32) {
	term := 1.0
	for k := 1; k < len(t); k++ {
		term *= math.Ln2 / float64(k)
		t[k] = uint32(math.Round(term * 0x1p32))
	}
	return t
}()

// Weight is the weight of a logit that is behind ≥ 0 behind the largest: 2³⁹·2^−x with x = behind·Decay. The power of the fraction of
// x is its Taylor series to the 11th term, in units of 2⁻³².
func (d Decay) Weight(behind int64) uint64 {
	x := mulShift(uint64(behind), d.Mantissa, 32)
	if d.Shift < 32 {
		if x >= 1<<40 { // a shift more and it is 0 anyway
			return 0
		}
		x <<= 32 - d.Shift
	} else {
		x >>= d.Shift - 32
	}
	n, f := x>>32, x&math.MaxUint32
	if n > oneBits {
		return 0
	}
	t := uint64(taylor[11])
	for k := 10; k > 0; k-- {
		t = uint64(taylor[k]) - t*f>>32
	}
	return (1<<32 - t*f>>32) << (oneBits - 32) >> n
}

// Reach is the running sum at which top-p ends, of weights whose sum is total.
func (s *Sampling) Reach(total uint64) uint64 {
	if s.TopP > math.MaxUint32 {
		return total
	}
	return mulShift(total, uint32(s.TopP), 32)
}

// NextRandom advances the generator and gives 64 random bits. It is SplitMix64: each call adds a constant to the state and scrambles
// it. Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
func NextRandom(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Below scales 64 random bits to 0 … total − 1: the choice is the first candidate whose running sum exceeds that.
func Below(random, total uint64) uint64 {
	hi, _ := bits.Mul64(random, total)
	return hi
}
