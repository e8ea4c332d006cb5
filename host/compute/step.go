package compute

import "fmt"

// Step is what changes from one run to the next. Rows of one sequence are consecutive.
//
// A key's position is its index in the sequence: position p of sequence s lies in row
// s.Pages[p/PageSize]·PageSize + p%PageSize of every paged KV tensor.
type Step struct {
	Tokens  []int32 // [T] token ids
	Pos     []int32 // [T] position of each row in its sequence
	Seqs    []Seq
	Outputs []int32 // [O] rows whose logits are wanted, ascending
	// Sampling is for Sample ops.
	Sampling Sampling
}

// Seq is one sequence of the step.
type Seq struct {
	First, Count int     // its rows of the step
	Len          int     // keys in the sequence once this step's are stored
	Until        int     // keys once the whole prompt is stored that this step is a piece of; 0: Len
	Pages        []int32 // page table, at least ceil(Len/PageSize) entries when the program is paged
	// StateIn and StateOut are the rows of state tensors that hold the sequence's state before the step and after it, where the
	// program has any. They differ, so that a step can be run again. A sequence whose first position is 0 has no state before it.
	StateIn, StateOut int
	// StateSpare is a third row, for runs of several steps: the second step writes it, and from then on it and StateOut take turns, so
	// that StateIn stays what it was before the run.
	StateSpare int
}

// Advance makes the sequence that of the next step of a run: one token more, whose state begins with what the step before has left.
// Twin: shaders/sample.comp.
func (q *Seq) Advance() {
	q.Len++
	q.Until = max(q.Until, q.Len)
	q.StateIn, q.StateOut, q.StateSpare = q.StateOut, q.StateSpare, q.StateOut
}

// Sizes are the numbers that extents depend on.
func (s *Step) Sizes() Sizes { return Sizes{Tokens: len(s.Tokens), Outputs: len(s.Outputs)} }

// Check reports whether the step is well formed and within o for program p. Devices call it before every run, because a
// page or token out of range would read or write foreign memory.
func (s *Step) Check(p *Program, o Options) error {
	t := len(s.Tokens)
	switch {
	case t == 0 || t > max(o.MaxTokens, 1):
		return fmt.Errorf("compute: check step: got %d tokens, want 1 to %d", t, max(o.MaxTokens, 1))
	case len(s.Pos) != t:
		return fmt.Errorf("compute: check step: got %d positions for %d tokens", len(s.Pos), t)
	case len(s.Outputs) > max(o.MaxOutputs, 1):
		return fmt.Errorf("compute: check step: got %d output rows, want at most %d", len(s.Outputs), max(o.MaxOutputs, 1))
	case len(s.Seqs) == 0 || len(s.Seqs) > max(o.MaxSeqs, 1):
		return fmt.Errorf("compute: check step: got %d sequences, want 1 to %d", len(s.Seqs), max(o.MaxSeqs, 1))
	}
	for i, id := range s.Tokens {
		if id < 0 || (p.VocabSize > 0 && int(id) >= p.VocabSize) {
			return fmt.Errorf("compute: check step: token %d: got id %d, want 0 to %d", i, id, p.VocabSize-1)
		}
	}
	for i, r := range s.Outputs {
		if r < 0 || int(r) >= t || (i > 0 && r <= s.Outputs[i-1]) {
			return fmt.Errorf("compute: check step: output %d: got row %d, want ascending rows below %d", i, r, t)
		}
	}
	if err := s.Sampling.check(p); err != nil {
		return fmt.Errorf("compute: check step: sampling: %w", err)
	}
	next := 0
	for i := range s.Seqs {
		q := &s.Seqs[i]
		if q.First != next || q.Count < 1 || q.Count > t-next {
			return fmt.Errorf("compute: check step: sequence %d: rows %d+%d do not follow row %d of %d", i, q.First, q.Count, next, t)
		}
		next += q.Count
		if err := q.check(p, o); err != nil {
			return fmt.Errorf("compute: check step: sequence %d: %w", i, err)
		}
		for r := q.First; r < next; r++ {
			if s.Pos[r] < 0 || int(s.Pos[r]) >= q.Len || (p.MaxPos > 0 && int(s.Pos[r]) >= p.MaxPos) {
				return fmt.Errorf("compute: check step: row %d: got position %d, want below %d keys and %d positions", r, s.Pos[r], q.Len, p.MaxPos)
			}
		}
	}
	if next != t {
		return fmt.Errorf("compute: check step: sequences cover %d of %d rows", next, t)
	}
	return nil
}

// checkSteps reports whether n steps may follow each other on the device: of one token of one sequence, whose pages and positions reach as
// far.
func (s *Step) checkSteps(p *Program, o Options, n int) error {
	switch _, sampled := p.Sampled(); {
	case n < 0 || n > o.MaxSteps || !sampled:
		return fmt.Errorf("compute: check step: got %d steps in one run, want at most %d of a program that ends with sampling", n, o.MaxSteps)
	case len(s.Tokens) != 1 || len(s.Outputs) != 1:
		return fmt.Errorf("compute: check step: got %d tokens and %d outputs for %d steps in one run, want 1 and 1", len(s.Tokens), len(s.Outputs), n)
	}
	q := s.Seqs[0]
	if spare := q.StateSpare; n > 1 && p.NumStates > 0 && (spare < 0 || spare >= p.NumStates || spare == q.StateIn || spare == q.StateOut) {
		return fmt.Errorf("compute: check step: %d steps in one run: got a third state %d, want one of %d beside %d and %d", n, spare, p.NumStates, q.StateIn, q.StateOut)
	}
	q.Len += n - 1
	q.Until = max(q.Until, q.Len)
	if err := q.check(p, o); err != nil {
		return fmt.Errorf("compute: check step: %d steps in one run: %w", n, err)
	}
	if at := int(s.Pos[0]) + n - 1; p.MaxPos > 0 && at >= p.MaxPos {
		return fmt.Errorf("compute: check step: %d steps in one run: got position %d, want below %d", n, at, p.MaxPos)
	}
	return nil
}

// Check is the step's check and that of the steps asked for.
func (c *Call) Check(p *Program, o Options) error {
	if err := c.Step.Check(p, o); err != nil || c.Steps == 0 {
		return err
	}
	return c.Step.checkSteps(p, o, c.Steps)
}

// Keys is Until, or Len where that is not set.
func (q *Seq) Keys() int { return max(q.Until, q.Len) }

func (q *Seq) check(p *Program, o Options) error {
	if q.Len < q.Count || q.Until != 0 && q.Until < q.Len {
		return fmt.Errorf("got %d keys, %d once the prompt is stored, for %d rows", q.Len, q.Until, q.Count)
	}
	if p.NumStates > 0 && (q.StateIn < 0 || q.StateOut < 0 || q.StateIn >= p.NumStates || q.StateOut >= p.NumStates || q.StateIn == q.StateOut) {
		return fmt.Errorf("got states %d and %d, want two of %d", q.StateIn, q.StateOut, p.NumStates)
	}
	if p.PageSize == 0 {
		return nil
	}
	want := (q.Len + p.PageSize - 1) / p.PageSize
	if len(q.Pages) < want || len(q.Pages) > max(o.MaxPages, 1) {
		return fmt.Errorf("got %d pages of %d for %d keys, want %d to %d", len(q.Pages), p.PageSize, q.Len, want, max(o.MaxPages, 1))
	}
	for i, pg := range q.Pages {
		if pg < 0 || int(pg) >= p.NumPages {
			return fmt.Errorf("page %d: got %d, want 0 to %d", i, pg, p.NumPages-1)
		}
	}
	return nil
}
