package profile

import (
	"fmt"
	"io"
	"strings"
	"time"

	pprof "github.com/google/pprof/profile"
)

// WritePprof writes the device's time as a profile that go tool pprof reads, gzipped: a stack is phase, layer, ops and kernel, and its values
// are dispatches and nanoseconds. The host's part of the steps is a stack of its own.
func (r *Report) WritePprof(w io.Writer) error {
	b := &pprofBuilder{locations: map[string]*pprof.Location{}, samples: map[string]*pprof.Sample{}}
	b.p.SampleType = []*pprof.ValueType{{Type: "calls", Unit: "count"}, {Type: "time", Unit: "nanoseconds"}}
	b.p.DefaultSampleType = "time"
	b.p.PeriodType, b.p.Period = b.p.SampleType[1], 1
	b.p.Comments = []string{"tuff " + r.Model + " on " + r.Device}
	for i := range r.calls {
		c := &r.calls[i]
		var spans time.Duration
		for _, s := range c.timing.Spans {
			g := r.groups[c.region][s.Group]
			b.add(s.End-s.Begin, s.Kernel, g.Stem+" "+g.Shape, Layer(g.Label), c.region)
			spans += s.End - s.Begin
		}
		b.add(max(c.wall-spans, 0), "host and gaps", c.region)
		b.p.DurationNanos += int64(c.wall)
	}
	if err := b.p.CheckValid(); err != nil {
		return fmt.Errorf("profile: write pprof: %w", err)
	}
	if err := b.p.Write(w); err != nil {
		return fmt.Errorf("profile: write pprof: %w", err)
	}
	return nil
}

// Layer is the layer that a label such as blk.3.attn_norm+blk.3.attn_q belongs to, and "model" for what belongs to none.
func Layer(label string) string {
	if rest, ok := strings.CutPrefix(label, "blk."); ok {
		n, _, _ := strings.Cut(rest, ".")
		return "blk." + n
	}
	return "model"
}

type pprofBuilder struct {
	p         pprof.Profile
	locations map[string]*pprof.Location
	samples   map[string]*pprof.Sample
}

// add counts one call; the stack begins with its leaf.
func (b *pprofBuilder) add(d time.Duration, stack ...string) {
	key := strings.Join(stack, "\x00")
	s := b.samples[key]
	if s == nil {
		s = &pprof.Sample{Value: []int64{0, 0}}
		for i, name := range stack {
			if i == 0 && len(stack) > 2 {
				s.Label = map[string][]string{"kernel": {name}}
			}
			s.Location = append(s.Location, b.location(name))
		}
		b.samples[key] = s
		b.p.Sample = append(b.p.Sample, s)
	}
	s.Value[0]++
	s.Value[1] += int64(d)
}

func (b *pprofBuilder) location(name string) *pprof.Location {
	if l := b.locations[name]; l != nil {
		return l
	}
	f := &pprof.Function{ID: uint64(len(b.p.Function) + 1), Name: name, SystemName: name}
	l := &pprof.Location{ID: f.ID, Line: []pprof.Line{{Function: f}}}
	b.p.Function = append(b.p.Function, f)
	b.p.Location = append(b.p.Location, l)
	b.locations[name] = l
	return l
}
