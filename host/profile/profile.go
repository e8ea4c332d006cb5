// Package profile says where a model's time goes on a device: per kernel and shape, prefill and decode apart, with the
// host's part and the gaps, against the limits that the device reached when it was measured. It runs an engine step by
// step with timing on, sums up and checks that the parts add up to the whole. It prints nothing.
package profile

import (
	"context"
	"fmt"
	"runtime"
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
	// Overhead repeats every run without timing, in turns, so that the report can say what timing costs.
	Overhead bool
	Progress func(done, total int)
	Limits   *compute.Limits // that shares are of; nil measures them first where the device can
	// Peak says what arithmetic a kernel multiplies in, by its name, and the measured peak of that; nil holds all against float32's.
	Peak func(kernel string, l *compute.Limits) (tier string, flops float64)
}

// Report is the outcome.
type Report struct {
	Device  string         `json:"device"`
	Driver  string         `json:"driver"`
	Kind    string         `json:"kind"` // of the device, such as discrete or host
	Model   string         `json:"model"`
	Math    string         `json:"math"`
	Limits  compute.Limits `json:"limits"`
	Clock   string         `json:"clock"`
	Regions []Region       `json:"regions"`
	Told    bool           `json:"driver_tells"`     // registers and the like of at least one kernel
	Memory  []Memory       `json:"memory,omitempty"` // over the runs
	Advice  []Advice       `json:"advice,omitempty"`
	calls   []call
	groups  map[string][]compute.Group
	peak    func(kernel string, l *compute.Limits) (string, float64)
	execs   map[string]compute.Executable // by region
}

// Memory is what was in use at one moment.
type Memory struct {
	At     time.Duration `json:"at_ns"`  // since the first counted run
	Device int64         `json:"device"` // bytes that the device object has allocated
	Heap   int64         `json:"heap"`   // bytes of live and dead objects of Go
	Run    int           `json:"run"`    // counted from 0
	Region string        `json:"after"`  // the phase that had just ended
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
	// Runs are the tokens per second of each run.
	Runs []float64 `json:"runs_tokens_per_s"`
	// Untimed is TokensPerSec of the same work without timing, in turns with the timed runs, and Overhead what timing adds to the time,
	// as a share: medians of the runs. Zero without Options.Overhead.
	Untimed    float64 `json:"untimed_tokens_per_s,omitempty"`
	Overhead   float64 `json:"overhead,omitempty"`
	Dispatches float64 `json:"dispatches_per_step"`
	Barriers   float64 `json:"barriers_per_step"`
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
	// Runs is the mean time of a call in each run, in nanoseconds: what comparisons of profiles are made of.
	Runs []float64 `json:"runs_ns"`
	// GapBarrier and GapLaunch are the time the device had nothing to do before these dispatches: behind a barrier, and without one.
	GapBarrier time.Duration `json:"gap_barrier_ns"`
	GapLaunch  time.Duration `json:"gap_launch_ns"`
	Share      float64       `json:"share"` // of the region's device time
	Cost       compute.Cost  `json:"cost"`  // that must be done, all calls together
	// Issued is what its kernels asked of the memory and computed: Cost, and what they read again and padded. Nil where the device does not tell.
	Issued *compute.Cost `json:"issued,omitempty"`
	// BytesPerSec and FLOPsPerSec are Cost over Time; OfBandwidth, OfFLOPs and OfPeak the same as shares of the limits: OfFLOPs of
	// float32's peak, OfPeak of that of the arithmetic Tier, which the kernel multiplies in.
	BytesPerSec float64 `json:"bytes_per_s"`
	FLOPsPerSec float64 `json:"flops_per_s"`
	OfBandwidth float64 `json:"of_bandwidth"`
	OfFLOPs     float64 `json:"of_flops"`
	Tier        string  `json:"tier"`
	OfPeak      float64 `json:"of_peak"`
	OfMatrix    float64 `json:"of_matrix,omitempty"` // FLOPsPerSec as a share of the matrix units', where those were measured
	// Built is what the driver tells of the kernels, in the order of their dispatches.
	Built   []compute.Built `json:"built,omitempty"`
	samples []sample
	group   int // one of those that it sums up
}

// sample is one call of an op.
type sample struct {
	run   int
	depth int // tokens of the sequence in front of the step
	time  time.Duration
	bytes int64
}

// call is one timed step.
type call struct {
	region string
	run    int
	depth  int           // tokens of the sequence in front of the step
	start  time.Duration // since the profile began
	wall   time.Duration // of the whole step, reading the logits included
	read   time.Duration // of it, logits to the host and the next token
	timing compute.Timing
	cost   []compute.Cost // by group
	issued []compute.Cost // by group; nil where the device cannot tell
	tokens int
}

// Run profiles e.
func Run(ctx context.Context, e *engine.Engine, o Options) (*Report, error) {
	p, err := newProfiler(ctx, e, o)
	if err != nil {
		return nil, err
	}
	for i := range o.Runs + 1 {
		if err := p.repeat(ctx, i-1); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(i, o.Runs)
		}
	}
	return p.report()
}

// RunBoth profiles two engines in turns, A B B A, so that what the machine does beside meets both alike.
func RunBoth(ctx context.Context, a, b *engine.Engine, oa, ob Options) (ra, rb *Report, err error) {
	pa, err := newProfiler(ctx, a, oa)
	if err != nil {
		return nil, nil, err
	}
	pb, err := newProfiler(ctx, b, ob)
	if err != nil {
		return nil, nil, err
	}
	for i := range oa.Runs + 1 {
		turn := []*profiler{pa, pb}
		if i%2 == 1 {
			slices.Reverse(turn)
		}
		for _, p := range turn {
			if err := p.repeat(ctx, i-1); err != nil {
				return nil, nil, err
			}
		}
		if oa.Progress != nil {
			oa.Progress(i, oa.Runs)
		}
	}
	if ra, err = pa.report(); err != nil {
		return nil, nil, err
	}
	rb, err = pb.report()
	return ra, rb, err
}

func newProfiler(ctx context.Context, e *engine.Engine, o Options) (*profiler, error) {
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
	r := &Report{Device: info.Name, Driver: info.Driver, Kind: info.Kind.String(), Model: e.File.Name, Math: e.Math().String(), peak: o.Peak}
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
	r.execs = map[string]compute.Executable{"prefill": prefill, "decode": decode}
	return &profiler{e: e, o: o, r: r, untimed: map[string][]float64{}}, nil
}

// repeat is one run, timed and, where asked for, untimed; i is −1 for the one that warms up.
func (p *profiler) repeat(ctx context.Context, i int) error {
	if p.run = i; i == 0 {
		p.begin = time.Now()
	}
	for _, timed := range []bool{true, false} {
		if p.timed = timed; !timed && !p.o.Overhead {
			continue
		}
		for try := 1; ; try++ {
			calls, memory := len(p.r.calls), len(p.r.Memory)
			if err := p.once(ctx); err != nil {
				return fmt.Errorf("profile: run %d: %w", i+1, err)
			}
			if try == mostTries || addsUp(p.r.calls[calls:]) {
				break
			}
			p.r.calls, p.r.Memory = p.r.calls[:calls], p.r.Memory[:memory]
		}
	}
	return nil
}

// mostTries is how often a timed run is made whose parts do not add up: something else had the processor between two of its clocks. If
// that is not the reason, none adds up, and Check says so of the last.
const mostTries = 5

// addsUp says whether Check would find the phases of these steps whole.
func addsUp(calls []call) bool {
	parts, wall := map[string]time.Duration{}, map[string]time.Duration{}
	for i := range calls {
		c := &calls[i]
		parts[c.region] += c.timing.Wall + c.read
		wall[c.region] += c.wall
	}
	for region, w := range wall {
		if !whole(parts[region].Seconds() / w.Seconds()) {
			return false
		}
	}
	return true
}

// report sums the runs up.
func (p *profiler) report() (*Report, error) {
	r := p.r
	r.Regions = append(r.Regions, r.region("prefill"))
	if p.o.Generate > 0 {
		r.Regions = append(r.Regions, r.region("decode"))
	}
	if err := r.ask(); err != nil {
		return nil, err
	}
	for i := range r.Regions {
		r.Regions[i].overhead(p.untimed[r.Regions[i].Name])
	}
	r.advise()
	return r, nil
}

type profiler struct {
	e       *engine.Engine
	o       Options
	r       *Report
	run     int  // −1 is the run that warms up and is not counted
	timed   bool // or the same work as it usually runs
	begin   time.Time
	untimed map[string][]float64 // by region and run: seconds
}

// once evaluates the prompt and generates greedily.
func (p *profiler) once(ctx context.Context) error {
	s := p.e.NewSession()
	defer s.Close()
	var next int32
	for ids := p.o.Prompt; len(ids) > 0; {
		n := s.Chunk(len(ids))
		id, err := p.step(ctx, "prefill", s, ids[:n], n == len(ids))
		if err != nil {
			return err
		}
		ids, next = ids[n:], id
	}
	p.memory("prefill")
	for range p.o.Generate {
		id, err := p.step(ctx, "decode", s, []int32{next}, true)
		if err != nil {
			return err
		}
		next = id
	}
	if p.o.Generate > 0 {
		p.memory("decode")
	}
	return nil
}

// memory notes what is in use.
func (p *profiler) memory(region string) {
	if p.run < 0 || !p.timed {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.r.Memory = append(p.r.Memory, Memory{At: time.Since(p.begin), Device: p.e.Device.Info().MemoryUsed, Heap: int64(m.HeapAlloc), Run: p.run, Region: region})
}

// step times one step from the request to the next token.
func (p *profiler) step(ctx context.Context, region string, s *engine.Session, ids []int32, want bool) (int32, error) {
	start := time.Now()
	c := call{region: region, run: p.run, depth: len(s.Tokens()), tokens: len(ids)}
	if p.timed {
		s.SetTiming(&c.timing)
	}
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
	switch {
	case p.run < 0:
		return next, nil
	case !p.timed:
		u := p.untimed[region]
		if len(u) <= p.run {
			u = append(u, 0)
		}
		u[p.run] += c.wall.Seconds()
		p.untimed[region] = u
		return next, nil
	}
	c.start = start.Sub(p.begin)
	for _, g := range p.r.groups[region] {
		c.cost = append(c.cost, p.e.Program().CostOf(g.Ops, s.LastStep()))
	}
	if i, ok := p.r.execs[region].(compute.Issuer); ok {
		c.issued = i.Issued(s.LastStep())
	}
	p.r.calls = append(p.r.calls, c)
	p.r.Clock = c.timing.Clock
	return next, nil
}
