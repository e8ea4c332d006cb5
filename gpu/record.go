package gpu

import (
	"context"
	"slices"
	"time"

	"tuff/gpu/kernel"
	"tuff/gpu/vk"
)

// recording is a program made ready for one shape.
type recording struct {
	shape      kernel.Shape
	buffers    []*vk.CommandBuffer
	work       []float64     // of each, by the step that it was recorded for
	took       time.Duration // the last time; 0: it has not run
	dispatches int
	barriers   int
	used       int // for throwing out the one not used longest
	// of timed recordings: one span per dispatch, two timestamps each
	queries *vk.QueryPool
	ticks   []uint64
	spans   []timedSpan
}

// recordings keep what was recorded, by shape.
type recordings struct {
	list  map[kernel.Shape]*recording
	clock int
}

// get returns the recording of a shape, making it if need be.
func (r *recordings) get(ctx context.Context, s kernel.Shape, make func(context.Context, kernel.Shape) (*recording, error)) (*recording, error) {
	r.clock++
	if got := r.list[s]; got != nil {
		got.used = r.clock
		return got, nil
	}
	if len(r.list) >= maxRecordings {
		oldest := kernel.Shape{}
		for k, v := range r.list {
			if o := r.list[oldest]; o == nil || v.used < o.used {
				oldest = k
			}
		}
		for _, err := range r.list[oldest].close() {
			if err != nil {
				return nil, err
			}
		}
		delete(r.list, oldest)
	}
	got, err := make(ctx, s)
	if err != nil {
		return nil, err
	}
	if r.list == nil {
		r.list = map[kernel.Shape]*recording{}
	}
	got.shape, got.used = s, r.clock
	r.list[s] = got
	return got, nil
}

func (r *recordings) close() (errs []error) {
	for _, x := range r.list {
		errs = append(errs, x.close()...)
	}
	r.list = nil
	return errs
}

func (r *recording) close() (errs []error) {
	for _, b := range r.buffers {
		errs = append(errs, b.Close())
	}
	if r.queries != nil {
		errs = append(errs, r.queries.Close())
	}
	return errs
}

// launch is one dispatch of a shape, or a barrier before the next one.
type launch struct {
	event
	group    int
	dispatch *kernel.Dispatch
	grid     [3]uint32
}

// events lists what a recording of a shape holds, with barriers where the tracker asks for them.
func (x *executable) events(s kernel.Shape) []launch {
	var t tracker
	var list []launch
	for g := range x.groups {
		for i := range x.groups[g].Dispatches {
			d := &x.groups[g].Dispatches[i]
			grid := d.Grid(s)
			if !runs(grid) {
				continue
			}
			a := access{x.spans(g, d.Reads), x.spans(g, d.Writes)}
			if t.before(a) {
				list = append(list, launch{event: event{barrier: true}})
			}
			list = append(list, launch{event: event{name: d.Name, access: a}, group: g, dispatch: d, grid: grid})
		}
	}
	return list
}

// spans are the addresses of accesses.
func (x *executable) spans(group int, list []kernel.Access) []span {
	out := make([]span, len(list))
	for i, a := range list {
		if a.Ref != 0 {
			out[i] = x.l.addr[a.Ref]
		} else {
			out[i] = x.l.temps[group][a.Temp]
		}
	}
	return out
}

// open starts a command buffer: what earlier submissions and copies wrote must be seen, records of indirect dispatches too.
func (x *executable) open() *vk.Commands {
	c := x.d.dev.NewCommands()
	after := vk.SyncCompute | vk.SyncTransfer
	if len(x.records) > 0 {
		after |= vk.SyncIndirect
	}
	if x.predicated() {
		after |= vk.SyncPredicate
	}
	c.Barrier(vk.SyncCompute|vk.SyncTransfer, after)
	return c
}

// openPlain is open for recordings that a run of several steps repeats: once it has ended, their dispatches are left out.
func (x *executable) openPlain() *vk.Commands {
	c := x.open()
	if x.predicated() {
		b, off := x.step.VK()
		c.BeginConditional(b, off+kernel.RunOffset)
	}
	return c
}

func (x *executable) finishPlain(c *vk.Commands, r *recording) error {
	if x.predicated() {
		c.EndConditional()
	}
	return x.finish(c, r)
}

// put appends one dispatch.
func (x *executable) put(c *vk.Commands, e *launch, s kernel.Shape, buf []byte) {
	c.Bind(x.d.pipelines[pipelineKey(e.dispatch)])
	c.Push(x.pushBytes(buf, e.group, e.dispatch, s))
	if e.dispatch.Indirect.Kind == 0 {
		c.Dispatch(e.grid[0], e.grid[1], e.grid[2])
		return
	}
	b, off := x.step.VK()
	c.DispatchIndirect(b, off+kernel.RecordOffset(slices.Index(x.records, e.dispatch.Indirect)))
}

// recordPlain records everything for a shape.
func (x *executable) recordPlain(ctx context.Context, s kernel.Shape) (*recording, error) {
	if err := x.d.makePipelines(ctx, x.groups, s, x.o.Progress); err != nil {
		return nil, err
	}
	r := &recording{}
	var buf [256]byte
	t := x.newCut(r, x.openPlain, x.finishPlain)
	events := x.events(s)
	for i := range events {
		e := &events[i]
		if e.barrier {
			r.barriers++
			if err := t.barrier(events[i+1].group); err != nil {
				return nil, err
			}
			continue
		}
		if err := t.dispatch(e.group); err != nil {
			return nil, err
		}
		x.put(t.c, e, s, buf[:])
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	x.stats.Recordings++
	x.stats.Dispatches, x.stats.Barriers = r.dispatches, r.barriers
	return r, nil
}

// finish ends a command buffer: the host may read what the device wrote.
func (x *executable) finish(c *vk.Commands, r *recording) error {
	c.Barrier(vk.SyncCompute, vk.SyncHost|vk.SyncTransfer)
	cb, err := x.d.dev.Record(c)
	if err != nil {
		for _, e := range r.close() {
			_ = e // the first error is the one that matters
		}
		return err
	}
	r.buffers = append(r.buffers, cb)
	return nil
}
