// Package compare runs one program on two devices and says where they part: op by op with the reference's inputs fed to
// each op (the op's own error) and with errors carried along, then by logits and by greedy text.
//
// A is the device in question, B the reference. The package knows devices as compute.Device only and prints nothing.
package compare

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
	"tuff/host/engine"
)

// Options of Run.
type Options struct {
	Prompt []int32 // at least one token, at most the engines' chunk
	Greedy int     // tokens to generate greedily on both
	// Decode widens weights and caches of any format; Encode makes blocks of caches.
	Decode func(t compute.DType, dst []float32, src []byte) error
	Encode func(t compute.DType, dst []byte, src []float32) error
	// Limits gate each op's own error; KL gates the mean divergence of the logits. Zero values mean DefaultLimits.
	Limits Limits
	KL     float64
	// More prompts, of which logits and texts are compared, not ops.
	More [][]int32
	// Determinism runs A again in several ways and compares the bits.
	Determinism bool
	// Save is the label of ops, or the name of a tensor, to keep for Report.Replay; empty keeps those of the first divergence.
	Save string
	// Progress, if set, is told what is being run.
	Progress func(phase string, done, total int)
}

// DefaultLimits of arithmetic m: exact results lie within their proven bound; fast ones are gated by mean squared error,
// because no bound in float32 holds for half precision activations.
func DefaultLimits(m compute.Math) (Limits, float64) {
	if m == compute.Fast {
		return Limits{Bound: math.Inf(1), NMSE: 5e-4}, 1e-3
	}
	return Limits{Bound: 1, NMSE: 1e-7}, 1e-5
}

// Report is the outcome.
type Report struct {
	A       string `json:"a"`
	B       string `json:"b"`
	Model   string `json:"model"`
	Math    string `json:"math"`
	Limits  Limits `json:"-"`
	Ops     []Op   `json:"ops"`
	First   *Op    `json:"first_divergence,omitempty"` // the first op whose own error is over
	Encoder bool   `json:"encoder,omitempty"`          // the logits are vectors of tokens, and no text is generated
	Logits  Logits `json:"logits"`
	Greedy  Greedy `json:"greedy"`
	// Prompts are the single results where there are several; Logits has all of their positions.
	Prompts []PromptResult `json:"prompts,omitempty"`
	// Stability of A, where Options.Determinism asked for it.
	Stability []Stability `json:"stability,omitempty"`
	Pass      bool        `json:"pass"`
	Reason    string      `json:"reason,omitempty"`
	KLLimit   float64     `json:"kl_limit"`
	Worst     *Map        `json:"worst,omitempty"` // of the first divergence, or else of the tensor that comes closest to its limit
	replay    *Replay
}

// Replay is what Options.Save asked to keep: nil where there was no such op, or no divergence.
func (r *Report) Replay() *Replay { return r.replay }

// Op is one tensor that one group of ops wrote.
type Op struct {
	Phase    string  `json:"phase"` // prefill or decode
	Label    string  `json:"op"`
	Stem     string  `json:"stem"`
	Kernel   string  `json:"kernel"` // of A
	Tensor   string  `json:"tensor"`
	Rows     int     `json:"rows"`
	Cols     int     `json:"cols"`
	Isolated Metrics `json:"isolated"`
	Carried  Metrics `json:"carried"`
	Verdict  string  `json:"verdict"` // ok, or why it is over
	// kind is the stem of the op that wrote the tensor, attention the op itself if it is one, and spans the dispatches of the group: they tell
	// which part one workgroup wrote.
	kind      string
	attention compute.Attention
	spans     []compute.Span
}

// Element is the row and column of the worst element.
func (o *Op) Element() (row, col int) { return o.Isolated.Worst / o.Cols, o.Isolated.Worst % o.Cols }

// Logits compares the logits of every prompt position with errors carried along.
type Logits struct {
	Positions int     `json:"positions"`
	MeanKL    float64 `json:"mean_kl"` // of B's distribution from A's, nats
	P99KL     float64 `json:"p99_kl"`
	MaxKL     float64 `json:"max_kl"`
	Top1      float64 `json:"top1_agreement"`
	MaxAbs    float64 `json:"max_abs"`
	// KL is the divergence at each position, those of the decoded tokens last.
	KL []float64 `json:"kl"`
}

// Greedy compares generated tokens.
type Greedy struct {
	Tokens int `json:"tokens"`
	Equal  int `json:"equal"`       // tokens before the first difference
	First  int `json:"first_token"` // index of the first difference, or −1
	// Margin is B's lead of the best over the second logit there: a tie broken by rounding has almost none.
	Margin float64 `json:"margin"`
}

// Run compares engine a with reference b. Both must hold the same model; a must have been made with AllLogits and
// Compile.Keep, b with Compile.NoFuse as well, so that every tensor can be read.
func Run(ctx context.Context, a, b *engine.Engine, o Options) (*Report, error) {
	if len(o.Prompt) == 0 {
		return nil, fmt.Errorf("compare: run: got no prompt tokens, want at least one")
	}
	lim, kl := DefaultLimits(a.Math())
	if o.Limits == (Limits{}) {
		o.Limits = lim
	}
	if o.KL == 0 {
		o.KL = kl
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	r := &Report{A: a.Device.Info().Name, B: b.Device.Info().Name, Model: b.File.Name, Math: a.Math().String(), Limits: o.Limits, KLLimit: o.KL}
	c := &comparison{a: a, b: b, o: o, norms: map[compute.Ref][]float64{}, r: r}
	if err := c.ops(ctx); err != nil {
		return nil, err
	}
	if r.Encoder = c.b.Model.Config.Encoder; r.Encoder {
		c.o.Greedy = 0
	}
	if err := c.greedy(ctx); err != nil {
		return nil, err
	}
	if len(o.More) > 0 && !r.Encoder {
		if err := c.prompts(ctx, o.More); err != nil {
			return nil, err
		}
	}
	if o.Determinism && !r.Encoder {
		var err error
		if r.Stability, err = Determinism(ctx, a, o.Prompt); err != nil {
			return nil, err
		}
	}
	r.judge(o)
	return r, nil
}

func (r *Report) judge(o Options) {
	i := slices.IndexFunc(r.Ops, func(op Op) bool { return op.Verdict != "ok" })
	switch {
	case i >= 0:
		r.First = &r.Ops[i]
		r.Reason = fmt.Sprintf("%s (%s, %s): %s", r.First.Label, r.First.Kernel, r.First.Phase, r.First.Verdict)
	case !(r.Logits.MeanKL <= o.KL):
		r.Reason = fmt.Sprintf("logits: mean KL %.3g, want at most %.3g", r.Logits.MeanKL, o.KL)
	default:
		r.Pass = true
	}
	for _, s := range r.Stability {
		if s.Must && !s.Equal && r.Pass {
			r.Pass, r.Reason = false, fmt.Sprintf("%s: the same work %s gives other bits, largest difference %.3g", r.A, s.Name, s.MaxAbs)
		}
	}
}

// comparison is the state of one Run.
type comparison struct {
	a, b  *engine.Engine
	o     Options
	r     *Report
	norms map[compute.Ref][]float64 // of weight rows, taken once
	worst float64                   // of keepWorst: the share of its limit
	over  bool                      // and whether that is the first divergence
}

// ops runs the prompt and one more token on both devices, twice on A: fed and carried.
func (c *comparison) ops(ctx context.Context) error {
	ref, fed, own := c.b.NewSession(), c.a.NewSession(), c.a.NewSession()
	defer ref.Close()
	defer fed.Close()
	defer own.Close()
	ids := c.o.Prompt
	for _, phase := range []string{"prefill", "decode"} {
		next, err := c.phase(ctx, phase, ids, ref, fed, own)
		if err != nil {
			return fmt.Errorf("compare: %s: %w", phase, err)
		}
		if len(ref.Tokens())+1 > c.b.ContextLen() {
			break
		}
		ids = []int32{next}
	}
	return nil
}

// phase compares one step and returns B's next token.
func (c *comparison) phase(ctx context.Context, name string, ids []int32, ref, fed, own *engine.Session) (int32, error) {
	outs := make([]int32, len(ids))
	for i := range outs {
		outs[i] = int32(i)
	}
	bx, ax := executable(c.b, len(ids)), executable(c.a, len(ids))
	bs, err := run(ctx, bx, ref, ids, outs, nil, nil)
	if err != nil {
		return 0, err
	}
	want := &reader{dev: c.b.Device, x: bx, p: c.b.Model.Program, step: bs, cmp: c}
	groups := ax.Placement()
	results := make([][]Op, len(groups))
	for pass, s := range []*engine.Session{fed, own} {
		got := &reader{dev: c.a.Device, x: ax, p: c.a.Model.Program, cmp: c}
		before := func(g int) error {
			if err := got.poison(groups[g]); err != nil || pass > 0 {
				return err
			}
			return c.feed(got, want, groups[g])
		}
		after := func(g int) error {
			c.o.Progress(name, pass*len(groups)+g+1, 2*len(groups))
			return c.measure(name, got, want, groups[g], &results[g], pass == 1)
		}
		step := new(compute.Step)
		got.step = step
		if _, err := runInto(ctx, step, ax, s, ids, outs, before, after); err != nil {
			return 0, err
		}
		if pass == 1 {
			if err := c.logits(name, got, want, len(ids)); err != nil {
				return 0, err
			}
			if err := nameKernels(ctx, ax, step, results); err != nil {
				return 0, err
			}
		}
	}
	for _, ops := range results {
		c.r.Ops = append(c.r.Ops, ops...)
	}
	c.r.Worst.grid(name, results)
	if err := c.save(name, want, &reader{dev: c.a.Device, x: ax, p: c.a.Model.Program, step: bs, cmp: c}, groups, results); err != nil {
		return 0, err
	}
	l, err := want.values(c.b.Model.Logits)
	if err != nil {
		return 0, err
	}
	return min(engine.Argmax(l[len(l)-c.b.Model.Width():]), int32(c.b.Model.Config.VocabSize-1)), nil
}

// save keeps the group that Options.Save names, or the first with a result over its limit.
func (c *comparison) save(phase string, want, got *reader, groups []compute.Group, results [][]Op) error {
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
// that may run. The same step writes the same values.
func nameKernels(ctx context.Context, x compute.Executable, step *compute.Step, results [][]Op) error {
	var t compute.Timing
	if err := x.Run(ctx, &compute.Call{Step: step, Timing: &t}); err != nil {
		return err
	}
	spans := make([][]compute.Span, len(results))
	for _, s := range t.Spans {
		spans[s.Group] = append(spans[s.Group], s)
	}
	for g, ops := range results {
		var names []string
		for _, s := range spans[g] {
			names = append(names, s.Kernel)
		}
		for i := range ops {
			ops[i].Kernel, ops[i].spans = strings.Join(names, "+"), spans[g]
		}
	}
	return nil
}

// feed gives group g of A the inputs that B had. Of a KV tensor that the group writes, the rows of this step become NaN, and so
// does the state behind it, so that what is left out is seen.
func (c *comparison) feed(got, want *reader, g compute.Group) error {
	inside := map[compute.Ref]bool{}
	for _, i := range g.Ops {
		op := got.p.Instrs[i].Op
		for _, r := range op.Reads() {
			if inside[r] || got.p.At(r).Role == compute.Weight {
				continue
			}
			v, err := want.inputs(r)
			if err != nil {
				return err
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
			if got.p.At(r).Role != compute.State {
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

// measure compares what group g of A wrote and did not fuse away.
func (c *comparison) measure(phase string, got, want *reader, g compute.Group, results *[]Op, carried bool) error {
	errs := map[compute.Ref][]float64{}
	at := 0
	for _, i := range g.Ops {
		in := got.p.Instrs[i]
		for _, r := range in.Op.Writes() {
			var bound []float64
			var err error
			if !carried && want.dev.Info().Kind == compute.Host { // a bound is that of A's roundings alone: B's must be finer
				if bound, err = boundOf(got.p, in.Op, r, want, errs); err != nil {
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
			if carried {
				(*results)[at].Carried = Measure(a, b, nil)
				at++
				continue
			}
			cols := got.p.At(r).Cols
			op := Op{Phase: phase, Label: g.Label, Stem: g.Stem, Kernel: g.Kernel, Tensor: got.p.At(r).Name,
				Rows: len(b) / cols, Cols: cols, Isolated: Measure(a, b, bound), Verdict: "ok"}
			op.kind = in.Op.Stem()
			op.attention, _ = in.Op.(compute.Attention)
			lim := c.o.Limits
			if t := got.p.At(r); t.Role == compute.State {
				lim.NMSE = max(lim.NMSE, storedNMSE(t.DType))
			}
			if why := op.Isolated.Over(lim); why != "" {
				op.Verdict = why
			}
			c.keepWorst(&op, lim, a, b, bound)
			*results = append(*results, op)
		}
	}
	return nil
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

// Shape is a short form of the op's result, for tables.
func (o *Op) Shape() string { return fmt.Sprintf("%d×%d", o.Rows, o.Cols) }

// Summary is one line for people.
func (r *Report) Summary() string {
	var b strings.Builder
	if r.Pass {
		fmt.Fprintf(&b, "pass: %d results agree", len(r.Ops))
	} else {
		fmt.Fprintf(&b, "FAIL: %s", r.Reason)
	}
	return b.String()
}
