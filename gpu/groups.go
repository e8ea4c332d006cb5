package gpu

import (
	"context"
	"fmt"

	"tuff/gpu/kernel"
	"tuff/gpu/vk"
	"tuff/host/compute"
)

// recordGroups records every group in a command buffer of its own.
func (x *executable) recordGroups(ctx context.Context, s kernel.Shape) (*recording, error) {
	if err := x.d.makePipelines(ctx, x.groups, s, x.o.Progress); err != nil {
		return nil, err
	}
	r := &recording{}
	events := x.events(s)
	var buf [256]byte
	at := 0
	for g := range x.groups {
		c := x.open()
		for at < len(events) && (events[at].barrier || events[at].group == g) {
			e := &events[at]
			if e.barrier {
				// A barrier belongs to the dispatch behind it, which may be the next group's; there it comes with open.
				if at+1 < len(events) && events[at+1].group != g {
					break
				}
				c.Barrier(vk.SyncCompute, vk.SyncCompute)
			} else {
				x.put(c, e, s, buf[:])
				r.dispatches++
			}
			at++
		}
		for at < len(events) && events[at].barrier {
			at++
		}
		if err := x.finish(c, r); err != nil {
			return nil, err
		}
	}
	x.stats.Recordings++
	return r, nil
}

// runGroups runs group by group, with the caller's functions around each.
func (x *executable) runGroups(ctx context.Context, s kernel.Shape, c *compute.Call) error {
	if c.Timing != nil {
		return fmt.Errorf("gpu: run %s: timing and Before or After exclude each other", x.p.Name)
	}
	r, err := x.grouped.get(ctx, s, x.recordGroups)
	if err != nil {
		return err
	}
	for g, cb := range r.buffers {
		if c.Before != nil {
			if err := c.Before(g); err != nil {
				return err
			}
		}
		t, err := x.d.dev.Submit(cb)
		if err != nil {
			return lost(err, x.placement[g].Label)
		}
		if err := x.d.dev.Wait(t, x.d.o.Timeout); err != nil {
			return lost(fmt.Errorf("gpu: wait for %s (%s, %v at most): %w", x.placement[g].Label, x.placement[g].Kernel, x.d.o.Timeout, err), x.placement[g].Label)
		}
		if c.After != nil {
			if err := c.After(g); err != nil {
				return err
			}
		}
	}
	return nil
}
