package profile

import (
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
	var kernels, gaps, latency, encode, submit, host, read time.Duration
	for i := range r.calls {
		c := &r.calls[i]
		if c.region != name {
			continue
		}
		t := &c.timing
		g.Steps++
		g.Tokens += c.tokens
		g.Wall += c.wall
		g.Dispatches += float64(len(t.Spans))
		encode += t.Encode
		submit += t.Submit
		read += c.read
		host += t.Wall - t.Encode - t.Submit - t.Wait
		busy, idle := busyAndIdle(t.Spans)
		kernels += busy
		gaps += idle
		latency += t.Wait - busy - idle
		for at := 0; at < len(t.Spans); { // the spans of a group follow each other
			gi := t.Spans[at].Group
			var d time.Duration
			var kernels []string
			for ; at < len(t.Spans) && t.Spans[at].Group == gi; at++ {
				d += t.Spans[at].End - t.Spans[at].Begin
				kernels = append(kernels, t.Spans[at].Kernel)
			}
			grp := &r.groups[name][gi]
			kernel := strings.Join(kernels, "+")
			key := grp.Stem + "|" + grp.Shape + "|" + kernel
			op := ops[key]
			if op == nil {
				op = &Op{Stem: grp.Stem, Shape: grp.Shape, Kernel: kernel, Why: grp.Why}
				ops[key] = op
				order = append(order, op)
			}
			op.add(d, c.cost[gi])
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
		op.finish(kernels, r.Limits)
		g.Ops = append(g.Ops, *op)
	}
	sort.SliceStable(g.Ops, func(i, j int) bool { return g.Ops[i].Time > g.Ops[j].Time })
	g.Parts = []Part{
		{"kernels", "device time of the dispatches", kernels},
		{"gaps", "device idle between dispatches: barriers and launches", gaps},
		{"latency", "from submit to the first dispatch, and from the last to the host's waking", latency},
		{"encode", "writing the step", encode},
		{"submit", "handing work to the driver", submit},
		{"host", "the device's other host code", host},
		{"logits", "logits to the host, and choosing the next token", read},
	}
	var sum time.Duration
	for _, p := range g.Parts {
		sum += p.Time
	}
	g.Accounted = sum.Seconds() / g.Wall.Seconds()
	g.TokensPerSec = float64(g.Tokens) / g.Wall.Seconds()
	return g
}

func (o *Op) add(d time.Duration, c compute.Cost) {
	o.Calls++
	o.Time += d
	o.Cost = o.Cost.Add(c)
	o.samples = append(o.samples, d)
}

func (o *Op) finish(all time.Duration, l compute.Limits) {
	slices.Sort(o.samples)
	o.Min, o.Median, o.Max = o.samples[0], o.samples[len(o.samples)/2], o.samples[len(o.samples)-1]
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

// Limit says whether moving bytes or computing bounds an op, by which share of its limit is larger.
func (o *Op) Limit() string {
	if o.OfBandwidth >= o.OfFLOPs {
		return "memory"
	}
	return "compute"
}

// Check reports a region whose parts do not add up to its wall time within 2 %, or a part that far below zero: kernels and gaps come
// from the device's clock and must fit into the host's wait.
func (r *Report) Check() error {
	var bad []string
	for _, g := range r.Regions {
		if !(g.Accounted >= 0.98 && g.Accounted <= 1.02) {
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
