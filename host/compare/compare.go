// Package compare runs one program on two devices and says where they part: op by op with the reference's inputs fed to
// each op (the op's own error) and with errors carried along, then by logits and by greedy text.
//
// A is the device in question, B the reference. Either may be a recording, tuff's own or what another engine left: then the other one is run,
// op by op, with the inputs that the recording has (live), and what the recording lacks stays as the run made it. The package knows devices as
// compute.Device only and prints nothing.
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

// Side is one side of a comparison: an engine that can be run, or what a run left behind.
type Side struct {
	Engine    *engine.Engine
	Recording *Recording
}

func (s Side) name() string {
	if s.Engine != nil {
		return s.Engine.Device.Info().Name
	}
	return s.Recording.Name()
}

func (s Side) math() compute.Math {
	if s.Engine != nil {
		return s.Engine.Math()
	}
	return s.Recording.Math()
}

// Options of Run.
type Options struct {
	Prompt []int32 // at most the engines' chunk of tokens; none where a recording has them
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
	// Reference, if set, makes an engine in exact arithmetic that runs one op at a time. It is asked for where B lacks results, to find which
	// op is off: see Bisection.
	Reference func(context.Context) (*engine.Engine, error)
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
	Math    string `json:"math"`   // A's
	MathB   string `json:"math_b"` // B's; empty where nobody knows
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
	// Carried says that both sides are recordings: no op was fed, and Isolated is empty.
	Carried bool `json:"carried_only,omitempty"`
	// Unmatched are the tensors of a recording that the program has not; Unknown the results that the recording lacks.
	Unmatched []string `json:"unmatched,omitempty"`
	Unknown   []string `json:"not_recorded,omitempty"`
	// Bisection tells where B's results left a choice of ops.
	Bisection *Bisection `json:"bisection,omitempty"`
	Pass      bool       `json:"pass"`
	Reason    string     `json:"reason,omitempty"`
	KLLimit   float64    `json:"kl_limit"`
	Worst     *Map       `json:"worst,omitempty"` // of the first divergence, or else of the tensor that comes closest to its limit
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
	// ref is the tensor, kind the stem of the op that wrote it, attention the op itself if it is one, and spans the dispatches of the group: they tell
	// which part one workgroup wrote.
	ref       compute.Ref
	kind      string
	attention compute.Attention
	spans     []compute.Span
}

// Worst are the metrics that tell the worst element: of the op alone, or where nothing could be fed, with errors carried along.
func (o *Op) Worst() *Metrics {
	if o.Isolated.Count == 0 {
		return &o.Carried
	}
	return &o.Isolated
}

// Element is the row and column of the worst element.
func (o *Op) Element() (row, col int) { return o.Worst().Worst / o.Cols, o.Worst().Worst % o.Cols }

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

// Run compares a with reference b. Both must be of the same model. An engine must have been made with AllLogits and Compile.Keep, as b with
// Compile.NoFuse as well, so that every tensor can be read.
func Run(ctx context.Context, a, b Side, o Options) (*Report, error) {
	var err error
	for _, rec := range []*Recording{a.Recording, b.Recording} {
		if rec != nil {
			if o, err = rec.prompts(o); err != nil {
				return nil, err
			}
		}
	}
	if len(o.Prompt) == 0 {
		return nil, fmt.Errorf("compare: run: got no prompt tokens, want at least one")
	}
	lim, kl := DefaultLimits(a.math())
	if b.Recording != nil && b.Recording.Info == nil { // whose arithmetic nobody knows
		lim, kl = DefaultLimits(compute.Fast)
	}
	if o.Limits.Bound == 0 {
		o.Limits.Bound = lim.Bound
	}
	if o.Limits.NMSE == 0 {
		o.Limits.NMSE = lim.NMSE
	}
	if o.KL == 0 {
		o.KL = kl
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	r := &Report{A: a.name(), B: b.name(), Math: a.math().String(), Limits: o.Limits, KLLimit: o.KL}
	if b.Engine != nil || b.Recording.Info != nil {
		r.MathB = b.math().String()
	}
	c := &comparison{live: a.Engine, other: b.Engine, rec: b.Recording, o: o, norms: map[compute.Ref][]float64{}, r: r}
	if a.Engine == nil {
		c.live, c.other, c.rec, c.flipped = b.Engine, nil, a.Recording, true
	}
	if c.live == nil {
		r.Model, r.Carried = a.Recording.Info.model(), true
		if err := recordings(r, a.Recording, b.Recording, o); err != nil {
			return nil, err
		}
		r.judge(o)
		return r, nil
	}
	r.Model = c.live.File.Name
	if err := c.ops(ctx); err != nil {
		return nil, err
	}
	if r.Encoder = c.live.Model.Config.Encoder; r.Encoder {
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
	if o.Determinism && !r.Encoder && a.Engine != nil {
		if r.Stability, err = Determinism(ctx, a.Engine, o.Prompt); err != nil {
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
	if b := r.Bisection; b != nil && b.Op != "" && !r.Pass {
		r.Reason += fmt.Sprintf(", which %s (%s) makes", b.Op, b.Kernel)
	}
	for _, s := range r.Stability {
		if s.Must && !s.Equal && r.Pass {
			r.Pass, r.Reason = false, fmt.Sprintf("%s: the same work %s gives other bits, largest difference %.3g", r.A, s.Name, s.MaxAbs)
		}
	}
}

// comparison is the state of one Run.
type comparison struct {
	live    *engine.Engine // the side whose ops are run one by one
	other   *engine.Engine // the other side, or
	rec     *Recording     // what it left
	flipped bool           // live is B
	o       Options
	r       *Report
	norms   map[compute.Ref][]float64 // of weight rows, taken once
	worst   float64                   // of keepWorst: the share of its limit
	over    bool                      // and whether that is the first divergence
}

// source has the other side's results of a step, and what its ops read: nil where they are not known. whole says that all rows are.
type source interface {
	tensors
	inputs(compute.Ref) ([]float32, error)
	whole(compute.Ref) bool
	// proven says that it is what bounds are proven against.
	proven() bool
}

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
