// Package profile says where a model's time goes on a device: per kernel and shape, prefill and decode apart, with the
// host's part and the gaps, against the limits that the device reached when it was measured. It runs an engine step by
// step with timing on, sums up and checks that the parts add up to the whole. It prints nothing.
package profile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tuff/host/compute"
	"tuff/host/engine"
)

// Options of Run.
type Options struct {
	Prompt   []int32 // tokens of the prefill
	Generate int     // tokens of the decode; an encoder generates none
	Runs     int     // repetitions; the first one more is not counted
	Progress func(done, total int)
	Limits   *compute.Limits // that shares are of; nil measures them first where the device can
}

// Report is the outcome.
type Report struct {
	Device  string         `json:"device"`
	Driver  string         `json:"driver"`
	Model   string         `json:"model"`
	Math    string         `json:"math"`
	Limits  compute.Limits `json:"limits"`
	Clock   string         `json:"clock"`
	Regions []Region       `json:"regions"`
	calls   []call
	groups  map[string][]compute.Group
}

// Region is one phase over all runs.
type Region struct {
	Name   string        `json:"name"` // prefill or decode
	Steps  int           `json:"steps"`
	Tokens int           `json:"tokens"`
	Wall   time.Duration `json:"wall_ns"`
	Ops    []Op          `json:"ops"`
	Parts  []Part        `json:"parts"`
	// Accounted is the sum of the parts as a share of Wall. The parts are measured one by one, so it proves that nothing
	// was missed or counted twice.
	Accounted    float64 `json:"accounted"`
	TokensPerSec float64 `json:"tokens_per_s"`
	Dispatches   float64 `json:"dispatches_per_step"`
	Barriers     float64 `json:"barriers_per_step"`
}

// Part is a share of a region's time.
type Part struct {
	Name string        `json:"name"`
	What string        `json:"what"`
	Time time.Duration `json:"time_ns"`
}

// Op is one kernel at one shape.
type Op struct {
	Stem   string        `json:"stem"`
	Shape  string        `json:"shape"`
	Kernel string        `json:"kernel"`
	Why    string        `json:"why"`
	Calls  int           `json:"calls"`
	Time   time.Duration `json:"time_ns"`
	Min    time.Duration `json:"min_ns"`
	Median time.Duration `json:"median_ns"`
	Max    time.Duration `json:"max_ns"`
	Share  float64       `json:"share"` // of the region's device time
	Cost   compute.Cost  `json:"cost"`  // that must be done, all calls together
	// BytesPerSec and FLOPsPerSec are Cost over Time; OfBandwidth and OfFLOPs the same as shares of the limits.
	BytesPerSec float64 `json:"bytes_per_s"`
	FLOPsPerSec float64 `json:"flops_per_s"`
	OfBandwidth float64 `json:"of_bandwidth"`
	OfFLOPs     float64 `json:"of_flops"`
	OfMatrix    float64 `json:"of_matrix,omitempty"` // FLOPsPerSec as a share of the matrix units', where those were measured
	samples     []time.Duration
}

// call is one timed step.
type call struct {
	region string
	start  time.Duration // since the profile began
	wall   time.Duration // of the whole step, reading the logits included
	read   time.Duration // of it, logits to the host and the next token
	timing compute.Timing
	cost   []compute.Cost // by group
	tokens int
}

// Run profiles e.
func Run(ctx context.Context, e *engine.Engine, o Options) (*Report, error) {
	if e.Model.Config.Encoder {
		o.Generate = 0
	}
	if len(o.Prompt) == 0 || o.Generate < 1 && !e.Model.Config.Encoder || o.Runs < 1 {
		return nil, fmt.Errorf("profile: run: got %d prompt tokens, %d to generate, %d runs, want at least one of each", len(o.Prompt), o.Generate, o.Runs)
	}
	if n := len(o.Prompt) + o.Generate; n > e.ContextLen() {
		return nil, &engine.ContextError{Tokens: n, ContextLen: e.ContextLen()}
	}
	info := e.Device.Info()
	r := &Report{Device: info.Name, Driver: info.Driver, Model: e.File.Name, Math: e.Math().String()}
	if o.Limits != nil {
		r.Limits = *o.Limits
	} else if m, ok := e.Device.(compute.Measurer); ok {
		var err error
		if r.Limits, err = m.Measure(ctx); err != nil {
			return nil, fmt.Errorf("profile: measure limits: %w", err)
		}
	}
	prefill, decode := e.Executables()
	r.groups = map[string][]compute.Group{"prefill": prefill.Placement(), "decode": decode.Placement()}
	p := &profiler{e: e, o: o, r: r}
	for i := range o.Runs + 1 {
		p.keep = i > 0
		if i == 1 {
			p.begin = time.Now()
		}
		if err := p.once(ctx); err != nil {
			return nil, fmt.Errorf("profile: run %d: %w", i, err)
		}
		if o.Progress != nil {
			o.Progress(i, o.Runs)
		}
	}
	r.Regions = append(r.Regions, r.region("prefill"))
	if o.Generate > 0 {
		r.Regions = append(r.Regions, r.region("decode"))
	}
	return r, nil
}

type profiler struct {
	e     *engine.Engine
	o     Options
	r     *Report
	keep  bool
	begin time.Time
}

// once evaluates the prompt and generates greedily.
func (p *profiler) once(ctx context.Context) error {
	s := p.e.NewSession()
	defer s.Close()
	var next int32
	for ids := p.o.Prompt; len(ids) > 0; {
		n := min(len(ids), p.e.Chunk())
		id, err := p.step(ctx, "prefill", s, ids[:n], n == len(ids))
		if err != nil {
			return err
		}
		ids, next = ids[n:], id
	}
	for range p.o.Generate {
		id, err := p.step(ctx, "decode", s, []int32{next}, true)
		if err != nil {
			return err
		}
		next = id
	}
	return nil
}

// step times one step from the request to the next token.
func (p *profiler) step(ctx context.Context, region string, s *engine.Session, ids []int32, want bool) (int32, error) {
	start := time.Now()
	c := call{region: region, tokens: len(ids)}
	s.SetTiming(&c.timing)
	w := engine.WantNone
	if want {
		w = engine.WantLast
	}
	var next int32
	err := s.Eval(ctx, ids, w, func(_ int, l []float32) error {
		for i, v := range l {
			if v > l[next] {
				next = int32(i)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	c.wall = time.Since(start)
	c.read = s.ReadTime()
	if !p.keep {
		return next, nil
	}
	c.start = start.Sub(p.begin)
	c.cost = groupCosts(p.e.Program(), p.r.groups[region], s.LastStep())
	p.r.calls = append(p.r.calls, c)
	p.r.Clock = c.timing.Clock
	return next, nil
}

// groupCosts is the unavoidable work of each group: what its ops need, less the tensors that pass inside the group only.
func groupCosts(p *compute.Program, groups []compute.Group, s *compute.Step) []compute.Cost {
	readers := map[compute.Ref][]int{}
	for i, in := range p.Instrs {
		for _, r := range in.Op.Reads() {
			readers[r] = append(readers[r], i)
		}
	}
	costs := make([]compute.Cost, len(groups))
	for g, group := range groups {
		for _, i := range group.Ops {
			costs[g] = costs[g].Add(p.Instrs[i].Op.Cost(p, s))
			for _, r := range p.Instrs[i].Op.Writes() {
				t := p.At(r)
				outside := func(op int) bool { return !slices.Contains(group.Ops, op) }
				if t.Role == compute.Scratch && !slices.ContainsFunc(readers[r], outside) {
					n, _ := t.Bytes(s.Sizes())
					costs[g].Bytes -= n * int64(1+len(readers[r]))
				}
			}
		}
	}
	return costs
}
