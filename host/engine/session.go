package engine

import (
	"context"
	"fmt"
	"time"

	"tuff/host/compute"
	"tuff/host/kvcache"
)

// Session is one sequence: the tokens so far and their pages of the KV cache. With an encoder nothing is kept: every step is a
// text of its own.
type Session struct {
	e      *Engine
	seq    *kvcache.Sequence // nil with an encoder
	tokens []int32

	// Reused from step to step, so that decoding allocates nothing.
	step   compute.Step
	call   compute.Call
	raw    []byte // of candidates
	logits []float32
	ids    []int32   // candidates, where the device picks them
	tops   []float32 // and their logits
	pos    []int32
	outs   []int32
	one    [1]int32
	read   time.Duration
	ahead  []int32 // tokens that the last run has chosen and nobody has taken; all but the last are evaluated
	pace   int     // steps of the next run
	told   func(done, total int)
	until  int // tokens once all of what Eval was given is in
	slot   int // of the rows of state tensors, −1 with a model without
	state  stateRow
}

// NewSession makes an empty sequence.
func (e *Engine) NewSession() *Session {
	s := &Session{e: e, slot: e.takeSlot()}
	if e.pool != nil {
		s.seq = e.pool.NewSequence()
	}
	s.step.Seqs = make([]compute.Seq, 1)
	s.call.Step = &s.step
	s.logits = make([]float32, e.Model.Width())
	if e.candidates != 0 {
		n := e.program.At(e.candidates).Cols / 2
		s.ids, s.tops = make([]int32, n), make([]float32, n)
		s.raw = make([]byte, 8*n)
	}
	return s
}

// Close gives the session's pages back.
func (s *Session) Close() {
	if s.seq != nil {
		s.seq.Close()
	}
	s.e.giveSlot(s.slot)
	s.slot = -1
}

// Tokens are the tokens evaluated so far; the caller must not change them.
func (s *Session) Tokens() []int32 { return s.tokens }

// Truncate forgets all but the first n tokens; with a model that has a state, which cannot be wound back, all of them. Tokens
// says what is left.
func (s *Session) Truncate(n int) {
	if n < len(s.tokens) && s.e.Model.Program.NumStates > 0 {
		n, s.state = 0, stateRow{}
	}
	s.tokens = s.tokens[:min(n, len(s.tokens))]
	if s.seq != nil {
		s.seq.Shrink(len(s.tokens))
	}
}

// ContextError says that a sequence would outgrow its context.
type ContextError struct{ Tokens, ContextLen int }

func (e *ContextError) Error() string {
	return fmt.Sprintf("engine: extend sequence: got %d tokens, want at most the context's %d", e.Tokens, e.ContextLen)
}

// Want says of which tokens Eval computes logits.
type Want uint8

const (
	WantNone Want = iota
	WantLast      // of the last token
	WantAll       // of every token; the engine must have been made with AllLogits
)

// Eval appends ids to the sequence and computes their logits as far as wanted. It calls emit, which may be nil, for each
// row with the index into ids; the slice is the session's and is overwritten by the next row.
func (s *Session) Eval(ctx context.Context, ids []int32, want Want, emit func(i int, logits []float32) error) error {
	if want == WantAll && !s.e.o.AllLogits {
		return fmt.Errorf("engine: evaluate tokens: logits of all tokens need an engine made with AllLogits")
	}
	if n := len(s.tokens) + len(ids); n > s.e.contextLen {
		return &ContextError{n, s.e.contextLen}
	}
	s.read, s.until = 0, len(s.tokens)+len(ids)
	for at := 0; at < len(ids); {
		s.tell(at, len(ids))
		n := s.Chunk(len(ids) - at)
		last := at+n == len(ids)
		switch {
		case want == WantAll:
			s.outs = appendRange(s.outs[:0], 0, n)
		case want == WantLast && last:
			s.outs = append(s.outs[:0], int32(n-1))
		default:
			s.outs = s.outs[:0]
		}
		if err := s.run(ctx, ids[at:at+n], s.outs); err != nil {
			return err
		}
		start := time.Now()
		for o := range s.outs {
			if emit == nil {
				break
			}
			if err := s.row(n, o); err != nil {
				return err
			}
			if err := emit(at+int(s.outs[o]), s.logits); err != nil {
				return err
			}
		}
		s.read += time.Since(start)
		at += n
	}
	s.tell(len(ids), len(ids))
	return nil
}

// OnProgress makes Eval tell how many of its tokens are done, before and behind each step; nil stops that.
func (s *Session) OnProgress(f func(done, total int)) { s.told = f }

func (s *Session) tell(done, total int) {
	if s.told != nil {
		s.told(done, total)
	}
}

// leastChunk is the fewest tokens that a long prompt is cut into: what their weights cost is not worth less.
const leastChunk = 32

// Chunk is how many of n tokens behind those of the session the next step takes: as many as the engine was made for, and fewer where an op would
// take longer than the device's driver lets it, such as attention to a long context.
func (s *Session) Chunk(n int) int {
	most := s.e.o.Chunk
	d, ok := s.e.Device.(compute.Watched)
	if !ok || s.seq == nil || d.MaxOp() == 0 { // encoders see all of a text at once
		return min(n, most)
	}
	for most > leastChunk && s.heaviest(min(n, most)) > d.MaxOp() {
		most = max(most/2, leastChunk)
	}
	return min(n, most)
}

// heaviest is the FLOPs of the op that has the most in a step of n tokens.
func (s *Session) heaviest(n int) (most int64) {
	base := len(s.tokens)
	step := &compute.Step{Tokens: make([]int32, n), Pos: appendRange(nil, base, n), Seqs: []compute.Seq{{Count: n, Len: base + n}}}
	p := s.e.Model.Program
	for _, in := range p.Instrs {
		most = max(most, in.Op.Cost(p, step).FLOPs)
	}
	return most
}

// Next appends one token and returns the logits of what follows, valid until the next call.
func (s *Session) Next(ctx context.Context, id int32) ([]float32, error) {
	if err := s.follow(ctx, id); err != nil {
		return nil, err
	}
	return s.logits, s.row(1, 0)
}

// executable is the one that steps of n tokens run on.
func (s *Session) executable(n int) compute.Executable {
	if n == 1 {
		return s.e.decode
	}
	return s.e.prefill
}

// run evaluates one step and, on success, keeps its tokens.
func (s *Session) run(ctx context.Context, ids, outs []int32) error {
	if err := s.rewind(ctx); err != nil {
		return err
	}
	if err := s.Step(&s.step, ids, outs); err != nil {
		return err
	}
	if err := s.executable(len(ids)).Run(ctx, &s.call); err != nil {
		return fmt.Errorf("engine: evaluate %d tokens at position %d: %w", len(ids), len(s.tokens), err)
	}
	s.Keep(ids)
	return nil
}

// Step fills step for evaluating ids next, making room in the cache. It does not append them.
func (s *Session) Step(step *compute.Step, ids, outs []int32) error {
	base := len(s.tokens)
	if s.slot < 0 && s.e.Model.Program.NumStates > 0 {
		return fmt.Errorf("engine: extend sequence: got more sequences than the %d that the engine was made for", len(s.e.slots))
	}
	var pages []int32
	if s.seq != nil {
		if err := s.seq.Grow(base + len(ids)); err != nil {
			return err
		}
		pages = s.seq.Pages()
	}
	s.pos = appendRange(s.pos[:0], base, len(ids))
	step.Tokens, step.Pos, step.Outputs = ids, s.pos, outs
	if len(step.Seqs) != 1 {
		step.Seqs = make([]compute.Seq, 1)
	}
	step.Seqs[0] = compute.Seq{First: 0, Count: len(ids), Len: base + len(ids), Until: max(s.until, base+len(ids)), Pages: pages}
	if s.slot >= 0 {
		return s.placeState(&step.Seqs[0])
	}
	return nil
}

// SetTiming makes the session's runs fill t; nil stops that.
func (s *Session) SetTiming(t *compute.Timing) { s.call.Timing = t }

// LastStep is the step of the last run, valid until the next.
func (s *Session) LastStep() *compute.Step { return &s.step }

// ReadTime is what the last Eval or Next spent on bringing logits to the host and in the caller's emit.
func (s *Session) ReadTime() time.Duration { return s.read }

// Keep appends ids that the caller evaluated itself with Step.
func (s *Session) Keep(ids []int32) {
	if s.seq != nil {
		s.tokens = append(s.tokens, ids...)
		s.state.advance(1, s.e.stateRows)
	}
}

// row reads the logits of output o of the last step, which had n tokens.
func (s *Session) row(n, o int) error {
	v, err := s.executable(n).Locate(s.e.Model.Logits)
	if err != nil {
		return err
	}
	raw := compute.Bytes(s.logits)
	return s.e.Device.Download(raw, v.Buffer, v.Offset+int64(o*len(raw)))
}

// appendRange appends n ascending numbers from lo.
func appendRange(dst []int32, lo, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(lo+i))
	}
	return dst
}
