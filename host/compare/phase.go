package compare

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
	"tuff/host/engine"
)

// ops runs the prompt and one more token on both devices, twice on the live one: fed and carried.
func (c *comparison) ops(ctx context.Context) error {
	s := sessions{fed: c.live.NewSession(), own: c.live.NewSession()}
	if c.other != nil {
		s.ref = c.other.NewSession()
	}
	defer s.close()
	ids := c.o.Prompt
	for _, phase := range []string{"prefill", "decode"} {
		if c.rec != nil && !c.rec.has(phase) {
			break
		}
		next, err := c.phase(ctx, phase, ids, &s)
		if err != nil {
			return fmt.Errorf("compare: %s: %w", phase, err)
		}
		if next < 0 || len(s.own.Tokens())+1 > c.live.ContextLen() {
			break
		}
		ids = []int32{next}
	}
	return nil
}

// sessions of one prompt: the other side's, if it is run, and the live one's fed and not.
type sessions struct {
	ref, fed, own *engine.Session
	before        *recorded // the phase before
}

func (s *sessions) close() {
	for _, x := range []*engine.Session{s.ref, s.fed, s.own} {
		if x != nil {
			x.Close()
		}
	}
}

// everyRow asks for the logits of all tokens.
func everyRow(ids []int32) []int32 {
	outs := make([]int32, len(ids))
	for i := range outs {
		outs[i] = int32(i)
	}
	return outs
}

// phase compares one step and returns B's next token, or −1.
func (c *comparison) phase(ctx context.Context, name string, ids []int32, s *sessions) (int32, error) {
	x := executable(c.live, len(ids))
	groups := x.Placement()
	got := &reader{dev: c.live.Device, x: x, p: c.live.Model.Program, cmp: c, exact: c.live.Math() == compute.Exact && c.live.CompileOptions(1).NoFuse}
	want, err := c.source(ctx, name, ids, got, s)
	if err != nil {
		return 0, err
	}
	results := make([][]Op, len(groups))
	feed := func(g int) error { return c.feed(got, want, groups[g]) }
	var steps [2]*compute.Step
	for pass, session := range []*engine.Session{s.fed, s.own} {
		before := func(g int) error {
			if err := got.poison(groups[g]); err != nil || pass > 0 {
				return err
			}
			return feed(g)
		}
		after := func(g int) error {
			c.o.Progress(name, pass*len(groups)+g+1, 2*len(groups))
			return c.measure(name, got, want, groups[g], &results[g], pass == 1)
		}
		got.step = new(compute.Step)
		steps[pass] = got.step
		if _, err := runInto(ctx, got.step, x, session, ids, everyRow(ids), before, after); err != nil {
			return 0, err
		}
	}
	if err := c.logits(got, want); err != nil {
		return 0, err
	}
	kernels, err := nameKernels(ctx, x, got.step, results)
	if err != nil {
		return 0, err
	}
	next, err := c.next(got, want)
	if err != nil {
		return 0, err
	}
	if c.flipped {
		c.recordedKernels(name, results)
	}
	for _, ops := range results {
		c.r.Ops = append(c.r.Ops, ops...)
	}
	c.r.Worst.grid(name, results)
	b := &bisecting{c: c, phase: name, ids: ids, live: got, want: want, groups: groups, results: results, kernels: kernels, steps: steps, feed: feed}
	if err := b.run(ctx); err != nil {
		return 0, err
	}
	return next, c.save(name, want, got, groups, results)
}

// source runs the other side, or finds what it left.
func (c *comparison) source(ctx context.Context, phase string, ids []int32, live *reader, s *sessions) (source, error) {
	if c.other != nil {
		x := executable(c.other, len(ids))
		step, err := run(ctx, x, s.ref, ids, everyRow(ids), nil, nil)
		return &reader{dev: c.other.Device, x: x, p: c.other.Model.Program, step: step, cmp: c, exact: c.other.Math() == compute.Exact}, err
	}
	at := len(s.own.Tokens())
	step := &compute.Step{Tokens: ids, Outputs: everyRow(ids), Seqs: []compute.Seq{{Count: len(ids), Len: at + len(ids)}}}
	r, err := c.rec.bind(phase, live, step, s.before)
	if err != nil {
		return nil, err
	}
	s.before = r
	if phase == "prefill" {
		c.r.Unmatched, c.r.Unknown = r.extra, r.lacks
	}
	return r, nil
}

// next is B's likeliest token behind the step, or of a recording the one that it went on with; −1 where it ends.
func (c *comparison) next(got *reader, want source) (int32, error) {
	if c.rec != nil {
		if c.rec.Info == nil || len(c.rec.Info.Decoded) == 0 {
			return -1, nil
		}
		return c.rec.Info.Decoded[0], nil
	}
	l, err := want.values(c.live.Model.Logits)
	if err != nil {
		return 0, err
	}
	return likeliest(c.live, l), nil
}

// likeliest is the token of the largest logit in the last row.
func likeliest(e *engine.Engine, rows []float32) int32 {
	return min(engine.Argmax(rows[len(rows)-e.Model.Width():]), int32(e.Model.Config.VocabSize-1))
}

// recordedKernels names what wrote A's results where it is a recording; its workgroups nobody knows.
func (c *comparison) recordedKernels(phase string, results [][]Op) {
	for _, ops := range results {
		for i := range ops {
			ops[i].Kernel, ops[i].spans = "", nil
			if c.rec.Info != nil {
				ops[i].Kernel = c.rec.Info.Kernels[phase+"."+ops[i].Tensor]
			}
		}
	}
}

// save keeps the group that Options.Save names, or the first with a result over its limit.
func (c *comparison) save(phase string, want source, got *reader, groups []compute.Group, results [][]Op) error {
	for g, ops := range results {
		for i := range ops {
			named := c.o.Save != "" && (c.o.Save == ops[i].Label || c.o.Save == ops[i].Tensor)
			if c.r.replay != nil || !named && (c.o.Save != "" || ops[i].Verdict == "ok") {
				continue
			}
			r, err := c.capture(phase, got, want, groups[g])
			if err != nil {
				return err
			}
			r.Kernel, r.Verdict = ops[i].Kernel, ops[i].Verdict
			c.r.replay = r
		}
	}
	return nil
}

// nameKernels runs the step once more with timing on, which tells what ran for a step of this shape: a placement lists all
// that may run. The same step writes the same values. It gives the names by group.
func nameKernels(ctx context.Context, x compute.Executable, step *compute.Step, results [][]Op) ([]string, error) {
	var t compute.Timing
	if err := x.Run(ctx, &compute.Call{Step: step, Timing: &t}); err != nil {
		return nil, err
	}
	spans := make([][]compute.Span, len(results))
	names := make([]string, len(results))
	for _, s := range t.Spans {
		if spans[s.Group] != nil {
			names[s.Group] += "+"
		}
		names[s.Group] += s.Kernel
		spans[s.Group] = append(spans[s.Group], s)
	}
	for g, ops := range results {
		for i := range ops {
			ops[i].Kernel, ops[i].spans = names[g], spans[g]
		}
	}
	return names, nil
}

// feed gives group g of the live side the inputs that the other had, as far as they are known. Of a KV tensor that the group writes, the rows
// of this step become NaN, and so does the state behind it, so that what is left out is seen.
func (c *comparison) feed(got *reader, want source, g compute.Group) error {
	inside := map[compute.Ref]bool{}
	for _, i := range g.Ops {
		op := got.p.Instrs[i].Op
		for _, r := range op.Reads() {
			if inside[r] || got.p.At(r).Role == compute.Weight || !want.whole(r) {
				continue
			}
			v, err := want.inputs(r)
			if err != nil {
				return err
			}
			if v == nil {
				continue
			}
			if err := got.write(r, v); err != nil {
				return err
			}
		}
		for _, r := range op.Writes() {
			inside[r] = true
			if got.states()[r] {
				if err := got.spoil(got.p.At(r)); err != nil {
					return err
				}
				continue
			}
			if got.p.At(r).Role != compute.State || !want.whole(r) {
				continue
			}
			v, err := want.values(r)
			if err != nil {
				return err
			}
			fresh := v[len(v)-len(got.step.Tokens)*got.p.At(r).Cols:]
			for i := range fresh {
				fresh[i] = float32(math.NaN())
			}
			if err := got.write(r, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure compares what group g of the live side wrote and did not fuse away with what the other side has of it.
func (c *comparison) measure(phase string, got *reader, want source, g compute.Group, results *[]Op, carried bool) error {
	errs := map[compute.Ref][]float64{}
	at := 0
	reference := want // B, whose results bounds are taken from: a bound is that of A's roundings alone, so B's must be finer
	if c.flipped {
		reference = got
	}
	for _, i := range g.Ops {
		in := got.p.Instrs[i]
		for _, r := range in.Op.Writes() {
			var bound []float64
			var err error
			if !carried && reference.proven() && !slices.ContainsFunc(slices.Concat(in.Op.Reads(), []compute.Ref{r}), func(r compute.Ref) bool { return r != 0 && !reference.whole(r) }) {
				if bound, err = boundOf(got.p, in.Op, r, reference, errs); err != nil {
					return err
				}
				errs[r] = bound
			}
			a, err := got.values(r)
			if err != nil || got.inside(g, r) && untouched(a) {
				continue // fused away: the group's last tensor answers for it
			}
			b, err := want.values(r)
			if err != nil {
				return err
			}
			if b == nil {
				continue
			}
			a = a[len(a)-len(b):] // a recording may have the last row alone
			if c.flipped {
				a, b = b, a
			}
			if carried {
				(*results)[at].Carried = Measure(a, b, nil)
				at++
				continue
			}
			cols := got.p.At(r).Cols
			op := Op{Phase: phase, Label: g.Label, Stem: g.Stem, Kernel: g.Kernel, Tensor: got.p.At(r).Name,
				Rows: len(b) / cols, Cols: cols, Isolated: Measure(a, b, bound), Verdict: "ok"}
			op.ref, op.kind = r, in.Op.Stem()
			op.attention, _ = in.Op.(compute.Attention)
			if bound == nil && !carried && reference.proven() {
				op.NoBound = whyUnbound(got.p, in.Op, errs)
			}
			lim := c.limitsOf(got.p, r)
			if why := op.Isolated.Over(lim); why != "" {
				op.Verdict = why
			}
			c.keepWorst(&op, lim, a, b, bound)
			*results = append(*results, op)
		}
	}
	return nil
}

// limitsOf are those of a tensor: of one in a cache, what storing may do comes on top.
func (c *comparison) limitsOf(p *compute.Program, r compute.Ref) Limits {
	lim := c.o.Limits
	if t := p.At(r); t.Role == compute.State {
		lim.NMSE = max(lim.NMSE, storedNMSE(t.DType))
	}
	return lim
}

func executable(e *engine.Engine, n int) compute.Executable {
	prefill, decode := e.Executables()
	if n == 1 {
		return decode
	}
	return prefill
}

func run(ctx context.Context, x compute.Executable, s *engine.Session, ids, outs []int32, before, after func(int) error) (*compute.Step, error) {
	return runInto(ctx, new(compute.Step), x, s, ids, outs, before, after)
}

func runInto(ctx context.Context, step *compute.Step, x compute.Executable, s *engine.Session, ids, outs []int32, before, after func(int) error) (*compute.Step, error) {
	if err := s.Step(step, ids, outs); err != nil {
		return nil, err
	}
	if err := x.Run(ctx, &compute.Call{Step: step, Before: before, After: after}); err != nil {
		return nil, err
	}
	s.Keep(ids)
	return step, nil
}
