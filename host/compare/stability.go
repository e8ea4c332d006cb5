package compare

import (
	"context"
	"fmt"
	"math"
	"slices"

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

// Determinism evaluates the prompt on e again and again: as it was, beside another sequence, behind a cache that is kept, and in steps of other sizes,
// and compares the bits of the last logits.
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
	if err != nil {
		return nil, fmt.Errorf("compare: determinism: %w", err)
	}
	return list, nil
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
