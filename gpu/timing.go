package gpu

import (
	"context"
	"fmt"
	"time"

	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// timedSpan says which dispatch two timestamps belong to.
type timedSpan struct {
	group int
	name  string
	grid  [3]uint32
}

// recordTimed is recordPlain with a timestamp on each side of every dispatch.
func (x *executable) recordTimed(ctx context.Context, s kernel.Shape) (*recording, error) {
	if err := x.d.makePipelines(ctx, x.groups, s, x.o.Progress); err != nil {
		return nil, err
	}
	if x.d.dev.Info().Limits.TimestampValidBits == 0 {
		return nil, fmt.Errorf("gpu: time %s: %q has no timestamps", x.p.Name, x.d.dev.Info().Name)
	}
	r := &recording{}
	events := x.events(s)
	for i := range events {
		if !events[i].barrier {
			r.spans = append(r.spans, timedSpan{events[i].group, events[i].name, events[i].grid})
		}
	}
	var err error
	if r.queries, err = x.d.dev.NewQueryPool(uint32(2 * max(len(r.spans), 1))); err != nil {
		return nil, err
	}
	r.ticks = make([]uint64, 2*len(r.spans))
	var buf [256]byte
	t := x.newCut(r, x.open, x.finish)
	t.c.ResetQueries(r.queries, 0, r.queries.Len())
	for i := range events {
		e := &events[i]
		if e.barrier {
			if err := t.barrier(events[i+1].group); err != nil {
				return nil, err
			}
			continue
		}
		if err := t.dispatch(e.group); err != nil {
			return nil, err
		}
		n := uint32(r.dispatches - 1)
		t.c.Timestamp(r.queries, 2*n)
		x.put(t.c, e, s, buf[:])
		t.c.Timestamp(r.queries, 2*n+1)
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	x.stats.Recordings++
	return r, nil
}

// runTimed runs with timestamps and fills t.
func (x *executable) runTimed(ctx context.Context, s kernel.Shape, t *compute.Timing, begun time.Time) error {
	r, err := x.timed.get(ctx, s, x.recordTimed)
	if err != nil {
		return err
	}
	submitting := time.Now()
	submitted, err := x.replay(ctx, r, 1)
	if err != nil {
		return err
	}
	waited := time.Now()
	*t = compute.Timing{Encode: submitting.Sub(begun), Submit: submitted.Sub(submitting), Wait: waited.Sub(submitted), Spans: t.Spans[:0]}
	if len(r.spans) > 0 {
		if err := r.queries.Results(0, r.ticks, true); err != nil {
			return err
		}
	}
	for i, sp := range r.spans {
		t.Spans = append(t.Spans, compute.Span{Group: sp.group, Kernel: sp.name, Workgroups: sp.grid, Begin: x.d.dev.Elapsed(r.ticks[0], r.ticks[2*i]), End: x.d.dev.Elapsed(r.ticks[0], r.ticks[2*i+1])})
	}
	period := x.d.dev.Info().Limits.TimestampPeriod
	t.Clock = fmt.Sprintf("device timestamps of %g ns", period)
	t.HostOffset = submitted.Sub(begun) // without calibration: as if the device began at once
	if len(r.ticks) > 0 {
		if cal, err := x.d.dev.Calibrate(); err == nil && !cal.When.IsZero() {
			t.HostOffset = x.d.dev.Time(cal, r.ticks[0]).Sub(begun)
			t.Deviation = cal.Deviation
			t.Clock += fmt.Sprintf(", calibrated to ±%v", cal.Deviation)
		}
	}
	t.Wall = time.Since(begun)
	return nil
}
