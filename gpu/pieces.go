package gpu

import (
	"context"
	"fmt"
	"time"

	"tuff/gpu/vk"
	"tuff/host/compute"
)

// Drivers end a submission that takes too long, whatever it does, and the device is lost: after 2 s on Windows, after 2 to 10 s in Linux. A step of
// a long prompt can take minutes on a small GPU. So recordings are cut, at barriers, into command buffers of bounded work, and as many of these
// become one submission as should take Options.PieceTime, by what the step before took. On most cards that is all of a step.

const (
	// inFlight is how many submissions of a step are queued: the device has always another, and a caller who stops waits for no more.
	inFlight = 2
	// byteWork is the work of a byte. Devices take some 5 (integrated) to 100 operations in the time of one.
	byteWork = 16
)

// workOf weighs what an op costs, in operations.
func workOf(c compute.Cost) float64 { return float64(c.FLOPs) + byteWork*float64(c.Bytes) }

// maxWork is the work of a command buffer: a tenth of a second of the slowest devices of a kind, of which nothing else is known at the first step.
func (d *Device) maxWork() float64 {
	switch {
	case d.o.MaxWork > 0:
		return d.o.MaxWork
	case d.kind == compute.Discrete:
		return max(50e9, d.peak/100)
	}
	return 10e9
}

// MaxOp implements compute.Watched: a second of the slowest devices of a kind. A software driver has no one to end it.
func (d *Device) MaxOp() int64 {
	switch d.kind {
	case compute.Software:
		return 0
	case compute.Discrete:
		return int64(max(200e9, d.peak/10))
	}
	return 40e9
}

// cut divides a recording into command buffers of bounded length and work.
type cut struct {
	x          *executable
	r          *recording
	open       func() *vk.Commands
	finish     func(*vk.Commands, *recording) error
	c          *vk.Commands
	dispatches int     // in c
	work       float64 // in c
	counted    int     // groups whose work has been counted
	max        float64
}

func (x *executable) newCut(r *recording, open func() *vk.Commands, finish func(*vk.Commands, *recording) error) *cut {
	return &cut{x: x, r: r, open: open, finish: finish, c: open(), max: x.d.maxWork()}
}

// barrier puts a barrier in front of a group's dispatch, or ends a command buffer that has its share of work, between groups: the next begins with
// one.
func (t *cut) barrier(group int) error {
	if t.work >= t.max && group >= t.counted {
		return t.next()
	}
	t.c.Barrier(vk.SyncCompute, vk.SyncCompute)
	return nil
}

// dispatch makes room for one dispatch of a group.
func (t *cut) dispatch(group int) error {
	if t.dispatches == t.x.d.o.MaxDispatches {
		if err := t.next(); err != nil {
			return err
		}
	}
	t.dispatches++
	t.r.dispatches++
	if group >= t.counted {
		for _, op := range t.x.groups[group].Ops {
			t.work += workOf(t.x.p.Instrs[op].Op.Cost(t.x.p, t.x.now))
		}
		t.counted = group + 1
	}
	return nil
}

// next begins another command buffer.
func (t *cut) next() error {
	if err := t.end(); err != nil {
		return err
	}
	t.c, t.dispatches, t.work = t.open(), 0, 0
	return nil
}

// end ends the last one.
func (t *cut) end() error {
	t.r.work = append(t.r.work, t.work)
	return t.finish(t.c, t.r)
}

// speeds are work in a second, of steps of few tokens, which are bound by weights, and of many, by operations; 0: not known.
type speeds [2]float64

func (s *speeds) of(tokens int) *float64 {
	if tokens <= 8 {
		return &s[0]
	}
	return &s[1]
}

// pieces is how many submissions a recording should be.
func (x *executable) pieces(r *recording) int {
	took := r.took
	if took == 0 {
		speed := *x.speeds.of(r.shape.Tokens)
		if speed == 0 {
			return len(r.buffers)
		}
		took = time.Duration(r.total() / speed * float64(time.Second))
	}
	return int(min((took+x.d.o.PieceTime-1)/x.d.o.PieceTime, time.Duration(len(r.buffers))))
}

// total is the work of all command buffers.
func (r *recording) total() (sum float64) {
	for _, w := range r.work {
		sum += w
	}
	return sum
}

// replay submits a recording, times times, and waits for it. begun is when the first submission was handed over.
func (x *executable) replay(ctx context.Context, r *recording, times int) (begun time.Time, err error) {
	start := time.Now()
	if n := x.pieces(r); n <= 1 {
		begun, err = x.replayWhole(r, times)
	} else {
		begun, err = x.replayPieces(ctx, r, times, n)
	}
	if err != nil {
		return begun, err
	}
	took := time.Since(start)
	x.stats.Waited += time.Since(begun)
	r.took = took / time.Duration(times)
	*x.speeds.of(r.shape.Tokens) = r.total() / max(r.took.Seconds(), 1e-9)
	return begun, nil
}

// replayWhole makes one submission of all.
func (x *executable) replayWhole(r *recording, times int) (begun time.Time, err error) {
	buffers := r.buffers
	if times > 1 {
		x.batch = x.batch[:0]
		for range times {
			x.batch = append(x.batch, r.buffers...)
		}
		buffers = x.batch
	}
	t, err := x.d.dev.SubmitAll(buffers)
	begun = time.Now()
	if err != nil {
		return begun, lost(err, x.p.Name)
	}
	return begun, x.wait(t, len(buffers), r.dispatches)
}

// replayPieces makes n submissions of about the same work of each time. A caller who stops does so between them: the step is not done then.
func (x *executable) replayPieces(ctx context.Context, r *recording, times, n int) (begun time.Time, err error) {
	var queued [inFlight]vk.Ticket
	at, share := 0, r.total()/float64(n)
	for range times {
		var work, done float64
		from := 0
		for i := range r.buffers {
			work += r.work[i]
			if i+1 < len(r.buffers) && work < done+share {
				continue
			}
			if err := x.wait(queued[at%inFlight], 1, r.dispatches); err != nil {
				return begun, err
			}
			var t vk.Ticket
			err := ctx.Err()
			if err != nil {
				err = fmt.Errorf("gpu: run %s: stopped at command buffer %d of %d: %w", x.p.Name, from, len(r.buffers), err)
			} else {
				t, err = x.d.dev.SubmitAll(r.buffers[from : i+1])
			}
			if err != nil { // the step that the others read must stay until they are done
				if e := x.wait(x.d.dev.Last(), inFlight, r.dispatches); e != nil {
					err = e
				}
				return begun, lost(err, x.p.Name)
			}
			if at == 0 {
				begun = time.Now()
			}
			queued[at%inFlight] = t
			at, from, done = at+1, i+1, work
			x.stats.Submissions++
		}
	}
	return begun, x.wait(x.d.dev.Last(), inFlight, r.dispatches)
}
