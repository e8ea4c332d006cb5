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
	Settings  string // what is different about the engine, for its name
	Recording *Recording
}

func (s Side) name() string {
	if s.Engine != nil && s.Settings != "" {
		return s.Engine.Device.Info().Name + ", " + s.Settings
	} else if s.Engine != nil {
		return s.Engine.Device.Info().Name
	}
	return s.Recording.Name()
}

func (s Side) driver() string {
	switch {
	case s.Engine != nil:
		return s.Engine.Device.Info().Driver
	case s.Recording.Info != nil:
		return s.Recording.Info.Driver
	}
	return ""
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
	DriverA string `json:"driver_a,omitempty"`
	DriverB string `json:"driver_b,omitempty"`
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
	// NoBound is why there is no proven bound where others have one; Isolated.Bound is then 0, and NMSE alone judges.
	NoBound string `json:"no_bound,omitempty"`
	Verdict string `json:"verdict"` // ok, or why it is over
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

// share is how close to a limit the op comes, as a share of it.
func (o *Op) share(lim Limits) float64 {
	m := o.Worst()
	if m.NaN+m.Inf > 0 {
		return math.Inf(1)
	}
	return max(m.NMSE/lim.NMSE, m.Bound/lim.Bound)
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
	r := &Report{A: a.name(), B: b.name(), DriverA: a.driver(), DriverB: b.driver(), Math: a.math().String(), Limits: o.Limits, KLLimit: o.KL}
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
