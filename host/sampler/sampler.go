// Package sampler turns logits into a token: penalties, truncation, temperature and a seeded choice, stage by stage in
// the order of llama.cpp's default chain. From the logits on all arithmetic is of whole numbers, by compute.Sampling, so that a device
// that runs compute.Sample takes the same token. The package must not know models, devices or text.
package sampler

import (
	"fmt"
	"math"
	"slices"
	"time"

	"tuff/host/compute"
)

// Params are the settings of all stages. The zero value is not useful; start from Default.
type Params struct {
	Seed             int64   // −1: a new one for every sampler
	Temp             float32 // 0 or less: greedy
	TopK             int     // 0 or less: off
	TopP             float32 // 1: off
	MinP             float32 // 0: off
	RepeatLastN      int     // tokens that penalties look back; −1: all, 0: no penalties
	RepeatPenalty    float32 // 1: off
	PresencePenalty  float32 // 0: off
	FrequencyPenalty float32 // 0: off
	LogitBias        map[int32]float32
}

// Default are llama.cpp's defaults.
func Default() Params {
	return Params{Seed: -1, Temp: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatLastN: 64, RepeatPenalty: 1}
}

// Check reports a setting outside its range.
func (p Params) Check() error {
	for _, c := range []struct {
		ok   bool
		name string
		got  any
		want string
	}{
		{finite(p.Temp), "temperature", p.Temp, "a finite number"},
		{p.TopP >= 0 && p.TopP <= 1, "top-p", p.TopP, "0 to 1"},
		{p.MinP >= 0 && p.MinP <= 1, "min-p", p.MinP, "0 to 1"},
		{p.RepeatPenalty >= 1.0/compute.MaxRepeat && p.RepeatPenalty <= compute.MaxRepeat, "repeat penalty", p.RepeatPenalty, "1/128 to 128"},
		{within(p.PresencePenalty, compute.MaxPenalty), "presence penalty", p.PresencePenalty, "-1024 to 1024"},
		{within(p.FrequencyPenalty, compute.MaxPenalty), "frequency penalty", p.FrequencyPenalty, "-1024 to 1024"},
		{p.RepeatLastN >= -1, "repeat last n", p.RepeatLastN, "at least -1"},
		{p.Seed >= -1, "seed", p.Seed, "at least -1"},
	} {
		if !c.ok {
			return fmt.Errorf("sampler: check %s: got %v, want %s", c.name, c.got, c.want)
		}
	}
	for id, b := range p.LogitBias {
		if b != b || id < 0 {
			return fmt.Errorf("sampler: check logit bias: got %v for token %d", b, id)
		}
	}
	return nil
}

func finite(f float32) bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

func within(f, most float32) bool { return f >= -most && f <= most }

// candidate is a token that may still be chosen.
type candidate struct {
	id     int32
	raw    float32 // its logit as it came
	logit  int64   // in multiples of 2⁻³², with bias and penalties
	weight uint64  // once weigh has run
}

// Sampler samples one sequence. It allocates nothing once its buffers have grown.
type Sampler struct {
	p      Params
	vocab  int
	set    compute.Sampling // the settings as whole numbers; the state and the window are below
	seed   uint64
	state  uint64 // of the generator
	recent window
	cand   []candidate
}

// New makes a sampler for a vocabulary.
func New(p Params, vocabSize int) (*Sampler, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if vocabSize < 1 {
		return nil, fmt.Errorf("sampler: make sampler: got a vocabulary of %d, want at least 1", vocabSize)
	}
	for id := range p.LogitBias {
		if int(id) >= vocabSize {
			return nil, fmt.Errorf("sampler: check logit bias: got token %d, want below %d", id, vocabSize)
		}
	}
	s := &Sampler{p: p, vocab: vocabSize, set: p.whole(), seed: uint64(p.Seed), cand: make([]candidate, 0, vocabSize)}
	if p.Seed == -1 {
		s.seed = uint64(time.Now().UnixNano())
	}
	s.Reset()
	return s, nil
}

// Seed is the seed in use.
func (s *Sampler) Seed() uint64 { return s.seed }

// Reset forgets all tokens and starts the random numbers over.
func (s *Sampler) Reset() {
	s.state = s.seed
	s.recent.reset(s.p.RepeatLastN)
}

// Accept notes a token of the sequence, sampled or given, for the penalties.
func (s *Sampler) Accept(id int32) { s.recent.push(id) }

// NaNError says that a logit is not a number.
type NaNError struct{ Index int }

func (e *NaNError) Error() string {
	return fmt.Sprintf("sampler: sample token: logit %d is not a number", e.Index)
}

// Sample chooses the next token. The stages, in order: logit bias, penalties, top-k, top-p, min-p, choice at the temperature.
// Temperature 0 or less takes the largest logit after bias and penalties, the lowest id of equals.
func (s *Sampler) Sample(logits []float32) (int32, error) {
	if len(logits) != s.vocab {
		return 0, fmt.Errorf("sampler: sample token: got %d logits, want %d", len(logits), s.vocab)
	}
	if n, ok := s.keeps(1); ok && scanFrom*n <= s.vocab {
		if err := s.takeLargest(logits, n); err != nil {
			return 0, err
		}
		return s.ofLargest(), nil
	}
	return s.sampleAll(logits)
}

// sampleAll is Sample of candidates that are all of the vocabulary.
func (s *Sampler) sampleAll(logits []float32) (int32, error) {
	s.cand = s.cand[:0]
	for i, l := range logits {
		if l != l {
			return 0, &NaNError{i}
		}
		s.cand = append(s.cand, candidate{id: int32(i), raw: l, logit: compute.FixedLogit(l)})
	}
	for id, b := range s.p.LogitBias {
		s.cand[id].logit += compute.FixedLogit(b)
	}
	s.penalize()
	return s.stages(), nil
}

// stages are what follows penalties.
func (s *Sampler) stages() int32 {
	if s.p.Temp <= 0 {
		return s.greedy()
	}
	s.topK()
	s.topP()
	s.minP()
	return s.choose()
}

func (s *Sampler) greedy() int32 {
	return slices.MinFunc(s.cand, larger).id
}

// Enough reports whether the n largest logits decide each of the next tokens, so that SampleTop may stand for Sample: the top-k stage
// (or the greedy choice) keeps fewer, even after every token that a penalty may lower has left them, and nothing raises any other.
func (s *Sampler) Enough(n, tokens int) bool {
	keep, ok := s.keeps(tokens)
	return ok && keep <= n
}

// keeps is the number of largest logits that are enough, if any is.
func (s *Sampler) keeps(tokens int) (n int, ok bool) {
	if n = s.p.TopK; s.p.Temp <= 0 {
		n = 1
	}
	if s.set.Penalties {
		if s.p.RepeatPenalty < 1 || s.p.PresencePenalty < 0 || s.p.FrequencyPenalty < 0 {
			return 0, false
		}
		n += len(s.recent.counts) + tokens - 1
	}
	return n, n > 0 && (s.p.TopK > 0 || s.p.Temp <= 0) && len(s.p.LogitBias) == 0
}

// SampleTop is Sample given only the largest logits, in any order, and their tokens. The result is the same where Enough says so.
func (s *Sampler) SampleTop(ids []int32, logits []float32) (int32, error) {
	if len(ids) == 0 || len(ids) != len(logits) || len(ids) > s.vocab {
		return 0, fmt.Errorf("sampler: sample token: got %d tokens and %d logits, want as many, 1 to %d", len(ids), len(logits), s.vocab)
	}
	s.cand = s.cand[:0]
	for i, l := range logits {
		if l != l {
			return 0, &NaNError{int(ids[i])}
		}
		s.cand = append(s.cand, candidate{id: ids[i], raw: l, logit: compute.FixedLogit(l)})
	}
	return s.ofLargest(), nil
}

// ofLargest is the choice among candidates that are not all tokens, with their penalties.
func (s *Sampler) ofLargest() int32 {
	if s.set.Penalties {
		for i := range s.cand {
			if n := s.recent.counts[s.cand[i].id]; n > 0 {
				s.cand[i].logit = s.set.Penalized(s.cand[i].logit, n)
			}
		}
	}
	return s.stages()
}
