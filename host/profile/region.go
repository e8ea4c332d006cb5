package profile

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"tuff/host/compute"
)

// region sums up the calls of one phase.
func (r *Report) region(name string) Region {
	g := Region{Name: name}
	ops := map[string]*Op{}
	var order []*Op
	var kernels, barriers, launches, latency, encode, submit, host, read time.Duration
	seconds := make([]float64, 0, 16) // of each run
	tokens := make([]float64, 0, 16)
	for i := range r.calls {
		c := &r.calls[i]
		if c.region != name {
			continue
		}
		t := &c.timing
		g.Steps++
		g.Tokens += c.tokens
		g.Wall += c.wall
		for len(seconds) <= c.run {
			seconds, tokens = append(seconds, 0), append(tokens, 0)
		}
		seconds[c.run] += c.wall.Seconds()
		tokens[c.run] += float64(c.tokens)
		g.Dispatches += float64(len(t.Spans))
		encode += t.Encode
		submit += t.Submit
		read += c.read
		host += t.Wall - t.Encode - t.Submit - t.Wait
		busy, idle := busyAndIdle(t.Spans)
		kernels += busy
		gap := gapsOf(t.Spans, r.groups[name])
		early := overlap(t, busy+idle)
		submit -= early
		latency += t.Wait + early - busy - idle
		for at := 0; at < len(t.Spans); { // the spans of a group follow each other
			gi := t.Spans[at].Group
			var d, behindBarrier, behindLaunch time.Duration
			var kernels []string
			for ; at < len(t.Spans) && t.Spans[at].Group == gi; at++ {
				d += t.Spans[at].End - t.Spans[at].Begin
				kernels = append(kernels, t.Spans[at].Kernel)
				if gap[at].barrier {
					behindBarrier += gap[at].idle
				} else {
					behindLaunch += gap[at].idle
				}
			}
			barriers += behindBarrier
			launches += behindLaunch
			grp := &r.groups[name][gi]
			kernel := strings.Join(kernels, "+")
			key := grp.Stem + "|" + grp.Shape + "|" + kernel
			op := ops[key]
			if op == nil {
				op = &Op{Stem: grp.Stem, Shape: grp.Shape, Kernel: kernel, Why: grp.Why, group: gi}
				ops[key] = op
				order = append(order, op)
			}
			op.add(sample{c.run, c.depth, d, c.cost[gi].Bytes}, c.cost[gi])
			if c.issued != nil {
				op.issue(c.issued[gi])
			}
			op.GapBarrier += behindBarrier
			op.GapLaunch += behindLaunch
		}
	}
	if g.Steps == 0 {
		return g
	}
	for _, grp := range r.groups[name] {
		g.Barriers += float64(grp.Barriers)
	}
	g.Dispatches /= float64(g.Steps)
	for _, op := range order {
		op.finish(kernels, r.Limits, r.peak)
		g.Ops = append(g.Ops, *op)
	}
	sort.SliceStable(g.Ops, func(i, j int) bool { return g.Ops[i].Time > g.Ops[j].Time })
	g.Parts = []Part{
		{"kernels", "device time of the dispatches", kernels},
		{"barriers", "device idle in front of dispatches that wait for others' results", barriers},
		{"launches", "device idle in front of dispatches that wait for nothing", launches},
		{"latency", "from submit to the first dispatch, and from the last to the host's waking", latency},
		{"encode", "writing the step", encode},
		{"submit", "handing work to the driver, until the device begins", submit},
		{"host", "the device's other host code", host},
		{"logits", "logits to the host, and choosing the next token", read},
	}
	var sum time.Duration
	for _, p := range g.Parts {
		sum += p.Time
	}
	g.Accounted = sum.Seconds() / g.Wall.Seconds()
	g.TokensPerSec = float64(g.Tokens) / g.Wall.Seconds()
	for i := range seconds {
		g.Runs = append(g.Runs, tokens[i]/seconds[i])
	}
	return g
}

// Spread is the slowest and the fastest run in brackets, or nothing where there was one.
func (g *Region) Spread() string {
	if len(g.Runs) < 2 {
		return ""
	}
	return fmt.Sprintf(" (%.1f–%.1f over %d runs)", slices.Min(g.Runs), slices.Max(g.Runs), len(g.Runs))
}

// overhead holds the timed runs against the same number of untimed ones.
func (g *Region) overhead(seconds []float64) {
	if len(seconds) == 0 || len(seconds) != len(g.Runs) {
		return
	}
	n := float64(g.Tokens) / float64(len(seconds)) // of one run
	timed := median(g.Runs)
	g.Untimed = n / median(seconds)
	g.Overhead = g.Untimed/timed - 1
}

func (o *Op) add(s sample, c compute.Cost) {
	o.Calls++
	o.Time += s.time
	o.Cost = o.Cost.Add(c)
	o.samples = append(o.samples, s)
}

func (o *Op) issue(c compute.Cost) {
	if o.Issued == nil {
		o.Issued = new(compute.Cost)
	}
	*o.Issued = o.Issued.Add(c)
}

func (o *Op) finish(all time.Duration, l compute.Limits, peak func(string, *compute.Limits) (string, float64)) {
	var times, sums, calls []float64
	for _, s := range o.samples {
		times = append(times, float64(s.time))
		for len(sums) <= s.run {
			sums, calls = append(sums, 0), append(calls, 0)
		}
		sums[s.run] += float64(s.time)
		calls[s.run]++
	}
	for i := range sums {
		if calls[i] > 0 {
			o.Runs = append(o.Runs, sums[i]/calls[i])
		}
	}
	o.Min, o.Median, o.Max = time.Duration(slices.Min(times)), time.Duration(median(times)), time.Duration(slices.Max(times))
	if all > 0 {
		o.Share = o.Time.Seconds() / all.Seconds()
	}
	if s := o.Time.Seconds(); s > 0 {
		o.BytesPerSec, o.FLOPsPerSec = float64(o.Cost.Bytes)/s, float64(o.Cost.FLOPs)/s
	}
	if l.Bandwidth > 0 {
		o.OfBandwidth = o.BytesPerSec / l.Bandwidth
	}
	if l.FLOPs > 0 {
		o.OfFLOPs = o.FLOPsPerSec / l.FLOPs
	}
	if m := l.MatrixFLOPs(); m > 0 {
		o.OfMatrix = o.FLOPsPerSec / m
	}
	o.Tier, o.OfPeak = "float32", o.OfFLOPs
	if peak != nil {
		var flops float64
		if o.Tier, flops = peak(o.Kernel, &l); flops > 0 {
			o.OfPeak = o.FLOPsPerSec / flops
		}
	}
}

// busyAndIdle is the time covered by at least one span, and the time between the first begin and the last end that none
// covers. Spans may overlap where no barrier keeps them apart.
func busyAndIdle(spans []compute.Span) (busy, idle time.Duration) {
	if len(spans) == 0 {
		return 0, 0
	}
	s := slices.Clone(spans)
	slices.SortFunc(s, func(a, b compute.Span) int { return int(a.Begin - b.Begin) })
	first, end := s[0].Begin, s[0].Begin
	for _, x := range s {
		if x.Begin > end {
			idle += x.Begin - end
		}
		end = max(end, x.End)
	}
	return end - first - idle, idle
}

// overlap is the part of handing work over in which the device was at work already, which counts once, as the device's: a driver may
// begin before its submit returns. Where the clocks are not calibrated it is what cannot have been after it.
func overlap(t *compute.Timing, device time.Duration) time.Duration {
	if len(t.Spans) == 0 {
		return 0
	}
	return min(max(t.Encode+t.Submit-t.HostOffset, device-t.Wait, 0), t.Submit)
}

// gap is the time the device had nothing to do before a dispatch.
type gap struct {
	idle    time.Duration
	barrier bool // a barrier stands in front
}

// gapsOf finds the gap in front of each span, which together are what busyAndIdle calls idle. A group's barriers stand in front of it,
// and where it has more than one, between its dispatches.
func gapsOf(spans []compute.Span, groups []compute.Group) []gap {
	gaps := make([]gap, len(spans))
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spans[a].Begin, spans[b].Begin) })
	var end time.Duration
	for i, at := range order {
		s := spans[at]
		if i > 0 {
			gaps[at].idle = max(s.Begin-end, 0)
		}
		end = max(end, s.End)
		first := at == 0 || spans[at-1].Group != s.Group
		gaps[at].barrier = groups[s.Group].Barriers > 1 || first && groups[s.Group].Barriers > 0
	}
	return gaps
}

// Limit says whether moving bytes or computing bounds an op, by which share of its limit is larger.
func (o *Op) Limit() string {
	if o.OfBandwidth >= o.OfPeak {
		return "memory"
	}
	return "compute"
}

// OfLimit is the larger share of a limit: how close to what bounds it an op comes.
func (o *Op) OfLimit() float64 {
	return max(o.OfBandwidth, o.OfPeak)
}

// Again is how many times the bytes that must move were asked of the memory, and Padded how many times the FLOPs that must be were computed; 0
// where the device does not tell, or there are none.
func (o *Op) Again() float64 {
	if o.Issued == nil || o.Cost.Bytes <= 0 {
		return 0
	}
	return float64(o.Issued.Bytes) / float64(o.Cost.Bytes)
}

// Padded: see Again.
func (o *Op) Padded() float64 {
	if o.Issued == nil || o.Cost.FLOPs <= 0 {
		return 0
	}
	return float64(o.Issued.FLOPs) / float64(o.Cost.FLOPs)
}

// Asked says whether the device tells what its kernels asked for.
func (g *Region) Asked() bool {
	return slices.ContainsFunc(g.Ops, func(o Op) bool { return o.Issued != nil })
}

// Times is such a number for a table.
func Times(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f ×", v)
}

// whole says whether parts of this share of the wall time are all of it.
func whole(accounted float64) bool { return accounted >= 0.98 && accounted <= 1.02 }

// Check reports a region whose parts do not add up to its wall time within 2 %, or a part that far below zero: kernels and gaps come
// from the device's clock and must fit into the host's wait.
func (r *Report) Check() error {
	var bad []string
	for _, g := range r.Regions {
		if !whole(g.Accounted) {
			bad = append(bad, fmt.Sprintf("%s %.1f %%", g.Name, 100*g.Accounted))
		}
		for _, p := range g.Parts {
			if p.Time < -g.Wall/50 {
				return fmt.Errorf("profile: add up the parts: %s of %s is %v of %v wall time, want at least 0: the clocks disagree", p.Name, g.Name, p.Time, g.Wall)
			}
		}
	}
	if bad != nil {
		return fmt.Errorf("profile: add up the parts: got %s of the wall time, want 98 to 102 %%", strings.Join(bad, ", "))
	}
	return nil
}
