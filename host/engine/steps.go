package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tuff/host/compute"
	"tuff/host/sampler"
)

// Between two tokens a host has to wait for the device, choose, and hand the next step over. A device that chooses by the same whole
// numbers (compute.Sample) goes on by itself: one run takes several steps and leaves their tokens. Runs begin with one step, so that
// the first token is there at once, and grow as long as they are short, so that text flows and a caller who stops is heard.

const (
	defaultSteps = 16
	shortRun     = 20 * time.Millisecond // grow
	longRun      = 50 * time.Millisecond // shrink
)

// wantedSteps is how many steps one run may take if the device picks candidates.
func (e *Engine) wantedSteps() int {
	n := e.o.Steps
	if k := e.Device.Info().Kind; n == 0 && k != compute.Host && k != compute.Software {
		n = defaultSteps
	}
	return max(1, min(n, compute.MaxSteps))
}

// numSteps is how many steps one run may take.
func (e *Engine) numSteps() int {
	if e.candidates == 0 {
		return 1
	}
	return e.wantedSteps()
}

// Steps is the largest number of tokens that one run decodes.
func (e *Engine) Steps() int { return e.steps }

// Loop is the executable of such runs, made when it is first asked for; nil where the device has none.
func (e *Engine) Loop(ctx context.Context) (compute.Executable, error) {
	if e.loop != nil || e.steps < 2 {
		return e.loop, nil
	}
	p := *e.program
	p.Tensors, p.Instrs = slices.Clone(p.Tensors), slices.Clone(p.Instrs)
	out := p.Declare(compute.Tensor{Name: "token", Role: compute.Output, DType: compute.F32, Rows: compute.PerOutput(1), Cols: 1})
	p.Add("token", compute.Sample{X: e.candidates, Out: out})
	o := e.CompileOptions(1)
	o.MaxSteps = e.steps
	e.stops = e.Tokenizer.EOG()
	e.stops = e.stops[:min(len(e.stops), compute.MaxStops)] // the host looks at every token again
	var err error
	e.loop, err = e.compileProgram(ctx, &p, o)
	if lacks := new(compute.UnsupportedError); errors.As(err, &lacks) {
		e.steps = 1
		return nil, nil
	}
	return e.loop, err
}

// begin makes the next runs short again.
func (s *Session) begin() { s.pace, s.ahead = 1, nil }

// next appends id, of which the sequence has all before, and gives the token that follows. most is how many tokens may still be wanted,
// that one included.
func (s *Session) next(ctx context.Context, sm *sampler.Sampler, id int32, most int) (int32, error) {
	if len(s.ahead) > 0 { // chosen in the run before, which has evaluated id
		s.keepAhead(id)
		return s.take(sm)
	}
	n := min(s.pace, most, s.e.contextLen-len(s.tokens))
	if n < 1 || s.e.steps < 2 || s.call.Timing != nil || !sm.Device(&s.step.Sampling, len(s.ids), n) {
		if err := s.follow(ctx, id); err != nil {
			return 0, err
		}
		return s.sample(sm, 1)
	}
	x, err := s.e.Loop(ctx)
	if err != nil {
		return 0, err
	}
	if x == nil {
		return s.next(ctx, sm, id, most)
	}
	s.step.Sampling.Stop = s.e.stops
	if err := s.runAhead(ctx, x, id, n); err != nil {
		return 0, err
	}
	return s.take(sm)
}

// runAhead appends id and decodes n tokens, of which only id is kept yet: the caller may stop before the others.
func (s *Session) runAhead(ctx context.Context, x compute.Executable, id int32, n int) error {
	start := time.Now()
	if err := s.rewind(ctx); err != nil {
		return err
	}
	s.one[0], s.outs = id, append(s.outs[:0], 0)
	if s.seq != nil {
		if err := s.seq.Grow(len(s.tokens) + n); err != nil {
			return err
		}
	}
	if err := s.Step(&s.step, s.one[:], s.outs); err != nil {
		return err
	}
	s.call.Steps = n
	err := x.Run(ctx, &s.call)
	s.call.Steps = 0
	if err != nil {
		return fmt.Errorf("engine: decode %d tokens from position %d: %w", n, len(s.tokens), err)
	}
	s.ahead = s.call.Sampled
	s.state.evaluated, s.state.kept = len(s.ahead), 0
	s.keepAhead(id)
	switch took := time.Since(start); {
	case took < shortRun && len(s.ahead) == n:
		s.pace = min(2*s.pace, s.e.steps)
	case took > longRun:
		s.pace = max(s.pace/2, 1)
	}
	return nil
}

// Decode appends id and n − 1 tokens behind it, each the likeliest, whatever they are, in runs as Generate makes them. It calls each
// with the step of every token, which is valid until it returns. The engine must have Steps above 1.
func (s *Session) Decode(ctx context.Context, id int32, n int, each func(*compute.Step)) error {
	x, err := s.e.Loop(ctx)
	if err != nil {
		return err
	}
	if x == nil {
		return errors.New("engine: decode in runs: the device takes one step at a time")
	}
	s.begin()
	defer s.forget()
	for n > 0 {
		k := min(n, s.pace, s.e.contextLen-len(s.tokens))
		if k < 1 {
			return &ContextError{len(s.tokens) + 1, s.e.contextLen}
		}
		s.step.Sampling = compute.Sampling{}
		if err := s.runAhead(ctx, x, id, k); err != nil {
			return err
		}
		for i, next := range s.ahead {
			each(&s.step)
			s.pos[0]++
			s.step.Seqs[0].Advance()
			if next < 0 {
				return &sampler.NaNError{Index: int(-1 - next)}
			}
			if i < len(s.ahead)-1 {
				s.keepAhead(next)
			}
			id = next
		}
		n -= len(s.ahead)
	}
	return nil
}

// take gives the next of the tokens that a run has chosen.
func (s *Session) take(sm *sampler.Sampler) (int32, error) {
	id := s.ahead[0]
	s.ahead = s.ahead[1:]
	if id < 0 {
		return 0, &sampler.NaNError{Index: int(-1 - id)}
	}
	if int(id) >= len(s.logits) {
		return 0, fmt.Errorf("engine: sample token: got %d of %d tokens", id, len(s.logits))
	}
	sm.Chose()
	return id, nil
}

// forget drops what a run has decoded beyond the tokens kept.
func (s *Session) forget() {
	s.ahead = nil
	if s.seq != nil {
		s.seq.Shrink(len(s.tokens))
	}
}
