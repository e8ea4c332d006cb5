package engine

import (
	"context"
	"errors"
	"math"
	"time"

	"tuff/host/compute"
	"tuff/host/sampler"
)

// Stop is why a generation ended.
type Stop string

const (
	StopEnd     Stop = "end"     // the model said so
	StopLength  Stop = "length"  // as many tokens as asked for
	StopContext Stop = "context" // the context is full
	StopCaller  Stop = "caller"  // the callback returned false
)

// Stats is what a generation took. Rates leave out the other phase: Prompt is from the first token in to the first
// logits out, Decode from there to the end.
type Stats struct {
	PromptTokens, Tokens int
	Prompt, Decode       time.Duration
	Stop                 Stop
}

// Rates are prompt and generated tokens per second; zero where nothing was done.
func (s Stats) Rates() (prompt, decode float64) {
	if s.Prompt > 0 {
		prompt = float64(s.PromptTokens) / s.Prompt.Seconds()
	}
	// The first token falls out of the prompt's logits and costs no step.
	if s.Decode > 0 && s.Tokens > 1 {
		decode = float64(s.Tokens-1) / s.Decode.Seconds()
	}
	return prompt, decode
}

// Token is one step of a generation: its id and the text that is complete with it, which may be empty when a character
// is still missing bytes.
type Token struct {
	ID   int32
	Text string
}

// prepare makes what steps of one token need, such as kernels: the first token is out by then, and did not wait for them.
func (e *Engine) prepare(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	x := e.decode
	if loop, err := e.Loop(ctx); err != nil {
		return 0, err
	} else if loop != nil {
		x = loop // with what decode has
	}
	var err error
	if p, ok := x.(compute.Preparer); ok {
		err = p.Prepare(ctx, 1)
	}
	return time.Since(start), err
}

// Generate evaluates prompt, then samples and evaluates until the model ends, limit tokens are out (0: no limit), the
// context is full or yield returns false. Text never ends inside a character; what is left of one is given at the end.
func (e *Engine) Generate(ctx context.Context, s *Session, prompt []int32, sm *sampler.Sampler, limit int, yield func(Token) bool) (Stats, error) {
	st := Stats{PromptTokens: len(prompt)}
	if len(prompt) == 0 {
		return st, errors.New("engine: generate: got an empty prompt, want at least one token")
	}
	text := e.Tokenizer.NewStream()
	start := time.Now()
	if err := s.Eval(ctx, prompt, WantLast, nil); err != nil {
		return st, err
	}
	last := len(s.step.Tokens)
	for _, id := range prompt {
		sm.Accept(id)
	}
	st.Prompt = time.Since(start)
	start = time.Now()
	s.begin()
	defer s.forget()
	id, err := s.sample(sm, last)
	for st.Stop == "" {
		if err != nil {
			return st, err
		}
		sm.Accept(id)
		st.Decode = time.Since(start)
		switch {
		case e.Tokenizer.IsEOG(id):
			st.Stop = StopEnd
			continue
		case !yield(Token{id, text.Push(id)}):
			st.Stop = StopCaller
		}
		st.Tokens++
		switch {
		case st.Stop != "":
		case limit > 0 && st.Tokens >= limit:
			st.Stop = StopLength
		case len(s.tokens) >= e.contextLen:
			st.Stop = StopContext
		default:
			if st.Tokens == 1 { // getting ready for single tokens is no part of their rate
				took, err := e.prepare(ctx)
				if err != nil {
					return st, err
				}
				start = start.Add(took)
			}
			most := math.MaxInt
			if limit > 0 {
				most = limit - st.Tokens
			}
			id, err = s.next(ctx, sm, id, most)
		}
	}
	if rest := text.End(); rest != "" {
		yield(Token{-1, rest})
	}
	return st, nil
}
