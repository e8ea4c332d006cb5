package compare

import (
	"context"
	"fmt"
	"slices"

	"tuff/host/compute"
	"tuff/host/engine"
)

// Bisection tells which op makes a result differ where B does not have the results in between: a layer's output alone, or logits alone.
//
// The reference runs the step. Up to some op its results are replaced by A's, from there on they are its own; the op from which on the target is
// over its limit is A's first that matters, found by halving. Where the reference alone is as far from B, no kernel of A's is to blame: B
// computes something else, or with other roundings than the limit allows.
type Bisection struct {
	Reference string  `json:"reference"` // device
	Phase     string  `json:"phase"`
	Target    string  `json:"target"` // the result that is over its limit
	Ops       int     `json:"ops"`    // groups of ops that may have made it
	Runs      int     `json:"runs"`   // of the reference
	Measure   string  `json:"measure"`
	Limit     float64 `json:"limit"`
	Without   float64 `json:"without"` // of the target by the reference alone
	With      float64 `json:"with"`    // with all of A's results in front of it
	Op        string  `json:"op,omitempty"`
	Kernel    string  `json:"kernel,omitempty"`
	Blame     string  `json:"blame"` // a: Op; b: B itself; neither: no single op, errors add up
}

// String says it for people.
func (b *Bisection) String() string {
	head := fmt.Sprintf("%s of %s: %.3g with %s alone, %.3g with A's results, limit %.3g", b.Measure, b.Target, b.Without, b.Reference, b.With, b.Limit)
	switch b.Blame {
	case "a":
		return fmt.Sprintf("%s; %d ops bisected in %d runs: %s, kernel %s", head, b.Ops, b.Runs, b.Op, b.Kernel)
	case "b":
		return head + ": not a kernel of A; B computes something else, or rounds by more than the limit"
	}
	return head + ": no single op, errors add up"
}

// bisecting is the state of one: what phase had.
type bisecting struct {
	c       *comparison
	phase   string
	ids     []int32
	live    *reader
	want    source
	groups  []compute.Group
	results [][]Op
	kernels []string         // of groups
	steps   [2]*compute.Step // fed and carried
	feed    func(g int) error

	fed       bool // the target is a result over its limit, with inputs fed; else the logits
	target    compute.Ref
	suspects  []int // groups, ascending
	kept      map[compute.Ref][]float32
	reference *reader
	refStep   *compute.Step
}

// run bisects where it is of use, once in a comparison: A must be the live side, and B leave a choice.
func (b *bisecting) run(ctx context.Context) (err error) {
	c := b.c
	if c.r.Bisection != nil || c.flipped || !b.choose() {
		return nil
	}
	e := c.other
	if e == nil && c.o.Reference != nil {
		if e, err = c.o.Reference(ctx); err != nil {
			return err
		}
	}
	if e == nil || e.Math() != compute.Exact || !e.CompileOptions(1).NoFuse {
		return nil
	}
	s := e.NewSession()
	defer s.Close()
	if b.phase != "prefill" {
		if err := s.Eval(ctx, c.o.Prompt, engine.WantNone, nil); err != nil {
			return err
		}
	}
	b.reference = &reader{dev: e.Device, x: executable(e, len(b.ids)), p: e.Model.Program, cmp: c, exact: true}
	b.refStep = new(compute.Step)
	if err := s.Step(b.refStep, b.ids, everyRow(b.ids)); err != nil {
		return err
	}
	b.reference.step = b.refStep
	if err := b.keep(ctx); err != nil {
		return err
	}
	return b.halve(ctx, e)
}

// choose finds the target and what may have made it; false where there is nothing to find.
func (b *bisecting) choose() bool {
	for g, ops := range b.results {
		for i := range ops {
			if ops[i].Verdict == "ok" {
				continue
			}
			b.fed = true
			b.target = ops[i].ref
			b.suspects = b.between(g)
			return len(b.suspects) > 1
		}
	}
	b.target = b.c.live.Model.Logits
	for g := range b.groups {
		b.suspects = append(b.suspects, g)
	}
	return b.phase == "prefill" && b.c.r.Logits.Positions > 0 && !(b.c.r.Logits.MeanKL <= b.c.o.KL)
}

// between are the groups that results up to group g follow from, back to what B has.
func (b *bisecting) between(g int) []int {
	p, list := b.live.p, []int{g}
	for i := 0; i < len(list); i++ {
		own := b.groups[list[i]].Ops
		for _, at := range own {
			for _, ref := range p.Instrs[at].Op.Reads() {
				if ref == 0 || p.At(ref).Role == compute.Weight || b.want.whole(ref) {
					continue
				}
				from := slices.IndexFunc(b.groups[:list[i]], func(x compute.Group) bool {
					return slices.ContainsFunc(x.Ops, func(j int) bool { return slices.Contains(p.Instrs[j].Op.Writes(), ref) })
				})
				if from >= 0 && !slices.Contains(list, from) {
					list = append(list, from)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// keep runs A's step again and keeps the results of the suspects.
func (b *bisecting) keep(ctx context.Context) error {
	b.kept = map[compute.Ref][]float32{}
	call := &compute.Call{Step: b.steps[1]}
	if b.fed {
		call.Step = b.steps[0]
	}
	now := b.live.step
	b.live.step = call.Step
	defer func() { b.live.step = now }()
	call.Before = func(g int) error {
		if err := b.live.poison(b.groups[g]); err != nil || !b.fed {
			return err
		}
		return b.feed(g)
	}
	call.After = func(g int) error {
		if !slices.Contains(b.suspects, g) {
			return nil
		}
		for _, i := range b.groups[g].Ops {
			for _, ref := range b.live.p.Instrs[i].Op.Writes() {
				if b.live.states()[ref] {
					continue // which is for the next step
				}
				v, err := b.live.values(ref)
				if err == nil && !(b.live.inside(b.groups[g], ref) && untouched(v)) {
					b.kept[ref] = v
				}
			}
		}
		return nil
	}
	return b.live.x.Run(ctx, call)
}

// hybrid runs the reference with A's results of the first n suspects and says how far the target is from B's.
func (b *bisecting) hybrid(ctx context.Context, n int) (off float64, over bool, err error) {
	mine := map[int]bool{} // instructions
	for _, g := range b.suspects[:n] {
		for _, i := range b.groups[g].Ops {
			mine[i] = true
		}
	}
	r := b.reference
	groups := r.x.Placement()
	var x []float32 // taken as soon as it is there: ops behind it are fed with B's
	call := &compute.Call{Step: b.refStep,
		Before: func(g int) error {
			if !b.fed {
				return nil
			}
			return b.c.feed(r, b.want, groups[g])
		},
		After: func(g int) error {
			for _, i := range groups[g].Ops {
				for _, ref := range r.p.Instrs[i].Op.Writes() {
					if v := b.kept[ref]; v != nil && mine[i] {
						if err := r.write(ref, v); err != nil {
							return err
						}
					}
					if ref == b.target {
						var err error
						if x, err = r.values(ref); err != nil {
							return err
						}
					}
				}
			}
			return nil
		}}
	if err := r.x.Run(ctx, call); err != nil {
		return 0, false, err
	}
	b.c.r.Bisection.Runs++
	b.c.o.Progress("bisect", b.c.r.Bisection.Runs, 0)
	y, err := b.want.values(b.target)
	if err != nil {
		return 0, false, err
	}
	x = x[len(x)-len(y):]
	if b.fed {
		m := Measure(x, y, nil)
		return m.NMSE, m.Over(b.c.limitsOf(r.p, b.target)) != "", nil
	}
	var l Logits
	l.addRows(x, y, b.c.live.Model.Width())
	return l.MeanKL, !(l.MeanKL <= b.c.o.KL), nil
}

// halve finds the first suspect from which on the target is over.
func (b *bisecting) halve(ctx context.Context, e *engine.Engine) error {
	out := &Bisection{Reference: e.Device.Info().Name, Phase: b.phase, Target: b.live.p.At(b.target).Name, Ops: len(b.suspects), Measure: "mean KL", Limit: b.c.o.KL}
	if b.fed {
		out.Measure, out.Limit = "NMSE", b.c.limitsOf(b.live.p, b.target).NMSE
	}
	b.c.r.Bisection = out
	lo, hi := 0, len(b.suspects) // good with lo suspects' results, over with hi
	var loOver, hiOver bool
	var err error
	if out.With, hiOver, err = b.hybrid(ctx, hi); err != nil {
		return err
	}
	if out.Without, loOver, err = b.hybrid(ctx, lo); err != nil {
		return err
	}
	switch {
	case loOver:
		out.Blame = "b"
		return nil
	case !hiOver:
		out.Blame = "neither"
		return nil
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		_, over, err := b.hybrid(ctx, mid)
		if err != nil {
			return err
		}
		if over {
			hi = mid
		} else {
			lo = mid
		}
	}
	g := b.groups[b.suspects[hi-1]]
	out.Blame, out.Op, out.Kernel = "a", g.Label, b.kernels[b.suspects[hi-1]]
	if b.c.o.Save != "" {
		return nil
	}
	// With the inputs of the last run that was good: A's results in front of it.
	if _, _, err := b.hybrid(ctx, hi-1); err != nil {
		return err
	}
	r, err := b.c.capture(b.phase, b.live, b.reference, g)
	if err != nil {
		return err
	}
	r.Kernel, r.Verdict = out.Kernel, fmt.Sprintf("makes %s differ", out.Target)
	b.c.r.replay = r
	return nil
}
