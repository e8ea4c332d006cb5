package profile

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// event is one entry of the Chrome trace event format, which Perfetto reads too.
type event struct {
	Name string         `json:"name"`
	Cat  string         `json:"cat,omitempty"`
	Ph   string         `json:"ph"`
	Ts   float64        `json:"ts"` // microseconds
	Dur  float64        `json:"dur,omitempty"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	Args map[string]any `json:"args,omitempty"`
}

const (
	hostLane   = 1
	deviceLane = 2
)

// WriteTrace writes the timeline of all timed steps: what the host did, and the dispatches of the device on the host's
// clock. Open it at ui.perfetto.dev or chrome://tracing.
func (r *Report) WriteTrace(w io.Writer) error {
	events := []event{
		{Name: "process_name", Ph: "M", Pid: 1, Args: map[string]any{"name": "tuff " + r.Model}},
		{Name: "thread_name", Ph: "M", Pid: 1, Tid: hostLane, Args: map[string]any{"name": "host"}},
		{Name: "thread_name", Ph: "M", Pid: 1, Tid: deviceLane, Args: map[string]any{"name": r.Device}},
	}
	add := func(name, cat string, lane int, at, d time.Duration, args map[string]any) {
		events = append(events, event{Name: name, Cat: cat, Ph: "X", Ts: at.Seconds() * 1e6, Dur: d.Seconds() * 1e6, Pid: 1, Tid: lane, Args: args})
	}
	for i := range r.calls {
		c := &r.calls[i]
		t := &c.timing
		add(c.region, "step", hostLane, c.start, c.wall, map[string]any{"tokens": c.tokens})
		at := c.start
		for _, p := range []struct {
			name string
			d    time.Duration
		}{{"encode", t.Encode}, {"submit", t.Submit}, {"wait", t.Wait}} {
			add(p.name, "host", hostLane, at, p.d, nil)
			at += p.d
		}
		add("logits", "host", hostLane, c.start+c.wall-c.read, c.read, nil)
		for _, s := range t.Spans {
			g := r.groups[c.region][s.Group]
			add(g.Label, g.Stem, deviceLane, c.start+t.HostOffset+s.Begin, s.End-s.Begin, map[string]any{
				"kernel": s.Kernel, "shape": g.Shape, "bytes": c.cost[s.Group].Bytes, "flops": c.cost[s.Group].FLOPs,
			})
		}
	}
	err := json.NewEncoder(w).Encode(map[string]any{"traceEvents": events, "displayTimeUnit": "ns",
		"otherData": map[string]any{"device": r.Device, "driver": r.Driver, "clock": r.Clock, "math": r.Math}})
	if err != nil {
		return fmt.Errorf("profile: write trace: %w", err)
	}
	return nil
}
