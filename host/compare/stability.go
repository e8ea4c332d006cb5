package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
	"tuff/host/engine"
)

// Stability is one way to come to the same logits again, and whether the bits were the same.
type Stability struct {
	Name string `json:"name"`
	// Must says that anything but the same bits is a fault: the work is the same. Where rows are divided in another way other kernels run, and
	// sums are taken in another order.
	Must   bool    `json:"must"`
	Runs   int     `json:"runs"`
	Equal  bool    `json:"equal"`
	MaxAbs float64 `json:"max_abs"` // largest difference of a logit
	KL     float64 `json:"kl"`      // nats, the largest of the runs
}

// repeats of what must be the same.
const repeats = 5

// chunks are the numbers of tokens of a step that a prompt is evaluated in.
var chunks = []int{1, 2, 8, 9, 33}

// batches are the numbers of sequences that a step has, each with the same prompt.
var batches = []int{2, 4}

// Determinism evaluates the prompt on e again and again: as it was, beside another sequence, behind a cache that is kept, in steps of other sizes and
// with other sequences in one step, and compares the bits of the last logits.
func Determinism(ctx context.Context, e *engine.Engine, prompt []int32) ([]Stability, error) {
	base, err := lastLogits(ctx, e, prompt, len(prompt), nil)
	if err != nil {
		return nil, fmt.Errorf("compare: determinism: %w", err)
	}
	var list []Stability
	// try compares with base, which is what the closure sees when it runs.
	try := func(name string, must bool, n int, run func() ([]float32, error)) {
		s := Stability{Name: name, Must: must, Runs: n, Equal: true}
		for range n {
			var got []float32
			if err == nil {
				got, err = run()
			}
			if err != nil {
				return
			}
			s.add(base, got)
		}
		list = append(list, s)
	}
	try("again", true, repeats, func() ([]float32, error) { return lastLogits(ctx, e, prompt, len(prompt), nil) })
	try("beside another sequence", true, 2, func() ([]float32, error) {
		other := e.NewSession()
		defer other.Close()
		reversed := slices.Clone(prompt)
		slices.Reverse(reversed)
		if err := other.Eval(ctx, reversed, engine.WantNone, nil); err != nil {
			return nil, err
		}
		return lastLogits(ctx, e, prompt, len(prompt), nil)
	})
	if n := len(prompt) / 2; n > 0 && e.Model.Program.NumStates == 0 {
		// What a kept cache saves is the evaluation of its tokens; the rest is a step of other rows.
		part := func(cut func(*engine.Session)) func() ([]float32, error) {
			return func() ([]float32, error) { return lastLogits(ctx, e, prompt, n, cut) }
		}
		whole := base
		if base, err = part(nil)(); err == nil { // against the same two steps without
			try("behind a cache that is kept", true, 2, part(func(s *engine.Session) { s.Truncate(n) }))
		}
		base = whole
	}
	for _, n := range chunks {
		if n < len(prompt) {
			try(fmt.Sprintf("in steps of %d", n), false, 1, func() ([]float32, error) { return steps(ctx, e, prompt, n) })
		}
	}
	for _, n := range batches {
		if err == nil && fits(e, n, len(prompt)) {
			var rows [][]float32
			rows, err = batch(ctx, e, prompt, n)
			at := 0
			try(fmt.Sprintf("in a batch of %d sequences", n), false, n, func() ([]float32, error) { at++; return rows[at-1], nil })
		}
	}
	if err != nil {
		return nil, fmt.Errorf("compare: determinism: %w", err)
	}
	return list, nil
}

// fits says whether e has room for n sequences of so many tokens: pages of a cache for one context, and states for two sequences.
func fits(e *engine.Engine, n, tokens int) bool {
	p := e.Model.Program
	if p.NumStates > 0 && n > 2 {
		return false
	}
	pages := 0
	if p.PageSize > 0 {
		pages = (tokens + p.PageSize - 1) / p.PageSize
	}
	return n*pages <= p.NumPages
}

// batch evaluates the prompt as each of n sequences of one step and gives the last logits of all.
func batch(ctx context.Context, e *engine.Engine, prompt []int32, n int) (rows [][]float32, err error) {
	step := &compute.Step{}
	for i := range n {
		s := e.NewSession()
		defer s.Close()
		var own compute.Step
		if err := s.Step(&own, prompt, nil); err != nil {
			return nil, err
		}
		seq := own.Seqs[0]
		seq.First = i * len(prompt)
		step.Tokens, step.Pos, step.Seqs = append(step.Tokens, own.Tokens...), append(step.Pos, own.Pos...), append(step.Seqs, seq)
		step.Outputs = append(step.Outputs, int32((i+1)*len(prompt)-1))
	}
	o := e.CompileOptions(len(step.Tokens))
	o.MaxSeqs, o.MaxOutputs = n, n
	x, err := e.Device.Compile(ctx, e.Model.Program, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	if err := x.Run(ctx, &compute.Call{Step: step}); err != nil {
		return nil, err
	}
	got := &reader{dev: e.Device, x: x, p: e.Model.Program, step: step, cmp: &comparison{}}
	all, err := got.values(e.Model.Logits)
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(all, e.Model.Width())), nil
}

func (s *Stability) add(want, got []float32) {
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			s.Equal = false
			s.MaxAbs = max(s.MaxAbs, math.Abs(float64(want[i])-float64(got[i])))
		}
	}
	if !s.Equal {
		s.KL = max(s.KL, KL(want, got))
	}
}

// lastLogits evaluates the first n tokens and then the others. With cut the whole prompt is evaluated first, and cut takes the sequence back to n.
func lastLogits(ctx context.Context, e *engine.Engine, prompt []int32, n int, cut func(*engine.Session)) (out []float32, err error) {
	s := e.NewSession()
	defer s.Close()
	first := prompt[:n]
	if cut != nil {
		// The rest is evaluated too, in a step of its own, and forgotten.
		if err := s.Eval(ctx, first, engine.WantNone, nil); err != nil {
			return nil, err
		}
		if err := s.Eval(ctx, prompt[n:], engine.WantNone, nil); err != nil {
			return nil, err
		}
		cut(s)
		first = nil
	}
	if n < len(prompt) && len(first) > 0 {
		if err := s.Eval(ctx, first, engine.WantNone, nil); err != nil {
			return nil, err
		}
	}
	rest := prompt[n:]
	if n == len(prompt) {
		rest = prompt
	}
	err = s.Eval(ctx, rest, engine.WantLast, func(_ int, l []float32) error { out = slices.Clone(l); return nil })
	return out, err
}

// steps evaluates the prompt n tokens at a time.
func steps(ctx context.Context, e *engine.Engine, prompt []int32, n int) (out []float32, err error) {
	s := e.NewSession()
	defer s.Close()
	for at := 0; at < len(prompt); at += n {
		end := min(at+n, len(prompt))
		want := engine.WantNone
		if end == len(prompt) {
			want = engine.WantLast
		}
		if err := s.Eval(ctx, prompt[at:end], want, func(_ int, l []float32) error { out = slices.Clone(l); return nil }); err != nil {
			return nil, err
		}
	}
	return out, nil
}
