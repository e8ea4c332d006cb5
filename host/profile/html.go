package profile

import (
	"io"
	"slices"
	"time"

	"tuff/host/report"
)

// Bounds of what a page shows, so that it opens at once however long the profile ran.
const (
	pageSteps  = 6    // of the timeline, of each phase: the last ones
	pageSpans  = 8000 // dispatches of the timeline
	pageValues = 2000 // calls of an op's distribution, taken evenly
)

// page is what the report's script draws: the report itself, and what it does not print.
type page struct {
	*Report
	Samples  map[string][][]pagePoint `json:"samples"` // by phase, then op in the order of Report
	Timeline []pageStep               `json:"timeline"`
}

// pagePoint is one call: tokens in front of the step, nanoseconds, bytes that must move.
type pagePoint [3]int64

type pageStep struct {
	Phase string     `json:"phase"`
	Start int64      `json:"start"` // nanoseconds since the first counted run
	Wall  int64      `json:"wall"`
	Host  []pageSpan `json:"host"`
	Spans []pageSpan `json:"spans"`
}

// pageSpan is something on a lane, at nanoseconds since the first counted run.
type pageSpan struct {
	Name    string `json:"n"`
	Kernel  string `json:"k,omitempty"`
	Shape   string `json:"s,omitempty"`
	Begin   int64  `json:"b"`
	End     int64  `json:"e"`
	Gap     int64  `json:"g,omitempty"` // idle in front
	Barrier bool   `json:"w,omitempty"` // of it, behind a barrier
}

// WriteHTML writes the report as one file that needs nothing else: roofline, timeline, shares, distributions, memory.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{Report: r, Samples: map[string][][]pagePoint{}}
	for i := range r.Regions {
		g := &r.Regions[i]
		for j := range g.Ops {
			s := g.Ops[j].samples
			every := max(1, (len(s)+pageValues-1)/pageValues)
			var points []pagePoint
			for k := 0; k < len(s); k += every {
				points = append(points, pagePoint{int64(s[k].depth), int64(s[k].time), s[k].bytes})
			}
			p.Samples[g.Name] = append(p.Samples[g.Name], points)
		}
	}
	p.Timeline = r.timeline()
	return report.Write(w, report.Page{Kind: "profile", Title: "Profile of " + r.Model, Subtitle: r.Device + " (" + r.Driver + "), " + r.Math + " arithmetic", Data: p})
}

// timeline takes the last steps of each phase of the last run.
func (r *Report) timeline() []pageStep {
	var steps []pageStep
	spans := 0
	for i := len(r.calls) - 1; i >= 0; i-- {
		c := &r.calls[i]
		n := 0
		for _, s := range steps {
			if s.Phase == c.region {
				n++
			}
		}
		if c.run != r.calls[len(r.calls)-1].run || n == pageSteps || spans > 0 && spans+len(c.timing.Spans) > pageSpans {
			continue
		}
		spans += len(c.timing.Spans)
		steps = append(steps, r.pageStep(c))
	}
	slices.Reverse(steps)
	return steps
}

func (r *Report) pageStep(c *call) pageStep {
	t := &c.timing
	s := pageStep{Phase: c.region, Start: int64(c.start), Wall: int64(c.wall)}
	at := c.start
	for _, h := range []struct {
		name string
		d    time.Duration
	}{{"encode", t.Encode}, {"submit", t.Submit}, {"wait", t.Wait}} {
		s.Host = append(s.Host, pageSpan{Name: h.name, Begin: int64(at), End: int64(at + h.d)})
		at += h.d
	}
	s.Host = append(s.Host, pageSpan{Name: "logits", Begin: int64(c.start + c.wall - c.read), End: int64(c.start + c.wall)})
	groups := r.groups[c.region]
	gaps := gapsOf(t.Spans, groups)
	for i, sp := range t.Spans {
		g := groups[sp.Group]
		begin := int64(c.start + t.HostOffset + sp.Begin)
		s.Spans = append(s.Spans, pageSpan{Name: g.Label, Kernel: sp.Kernel, Shape: g.Shape, Begin: begin, End: begin + int64(sp.End-sp.Begin),
			Gap: int64(gaps[i].idle), Barrier: gaps[i].barrier && gaps[i].idle > 0})
	}
	return s
}
