package vk

import (
	"errors"
	"math"
	"time"
)

// Ticket numbers submissions of a device, from 1. A ticket is complete when it and all before it are. 0 is always complete.
type Ticket uint64

// CommandBuffer is a recorded op stream. It may be submitted many times, also again before an earlier submission is
// complete: work of one queue runs in the order of its barriers.
type CommandBuffer struct {
	dev    *Device
	handle uint64
	last   Ticket
	stats  CommandStats
}

// Record turns a stream into a command buffer, in one C call. The pipelines, buffers and pools in it must outlive it.
func (d *Device) Record(c *Commands) (*CommandBuffer, error) {
	if err := d.open("record"); err != nil {
		return nil, err
	}
	if err := d.recordable(c); err != nil {
		return nil, err
	}
	d.recordMu.Lock()
	defer d.recordMu.Unlock()
	cb := &CommandBuffer{dev: d}
	r := d.hooks.run(callAllocateCommandBuffers, func() (r Result) { cb.handle, r = d.drv.allocateCommandBuffer(d.pool); return r })
	if r != Success {
		return nil, d.failed(callAllocateCommandBuffers, r, "record")
	}
	d.hooks.born(objCommandBuffer)
	if err := cb.record(c); err != nil {
		cb.free()
		return nil, err
	}
	return cb, nil
}

// Record replaces what the buffer holds. It must not be pending: wait for its last ticket first. After an error the buffer
// holds nothing and cannot be submitted until a Record succeeds.
func (cb *CommandBuffer) Record(c *Commands) error {
	d := cb.dev
	if err := d.open("record"); err != nil {
		return err
	}
	if cb.handle == 0 {
		return invalid("record: got a closed command buffer")
	}
	if err := d.recordable(c); err != nil {
		return err
	}
	if done, err := d.Completed(); err != nil {
		return err
	} else if done < cb.last {
		return invalid("record: got a command buffer pending at ticket %d (complete: %d), want it complete", cb.last, done)
	}
	d.recordMu.Lock()
	defer d.recordMu.Unlock()
	cb.stats = CommandStats{}
	return cb.record(c)
}

func (d *Device) recordable(c *Commands) error {
	if c == nil || c.dev != d {
		return invalid("record: got a foreign op stream")
	}
	if c.err != nil {
		return c.err
	}
	if len(c.words) == 0 || c.labels != 0 || c.guarded {
		return invalid("record: got %d words with %d open labels, a condition open: %v, want some and none", len(c.words), c.labels, c.guarded)
	}
	return nil
}

func (cb *CommandBuffer) record(c *Commands) error {
	d := cb.dev
	if r := d.hooks.run(callBeginCommandBuffer, func() Result { return d.drv.begin(cb.handle) }); r != Success {
		return d.failed(callBeginCommandBuffer, r, "record")
	}
	if r := d.drv.replay(cb.handle, c.words); r != Success {
		panic("BUG: vk: record: " + r.String())
	}
	if r := d.hooks.run(callEndCommandBuffer, func() Result { return d.drv.end(cb.handle) }); r != Success {
		return d.failed(callEndCommandBuffer, r, "record %d words", len(c.words))
	}
	cb.stats = c.Stats()
	return nil
}

// Stats counts what was recorded.
func (cb *CommandBuffer) Stats() CommandStats { return cb.stats }

// Close frees the buffer, after waiting for its last submission.
func (cb *CommandBuffer) Close() error {
	if cb.handle == 0 {
		return nil
	}
	d := cb.dev
	if d.closed.Load() {
		cb.handle = 0
		return nil
	}
	if err := d.Wait(cb.last, closeTimeout); err != nil && !errors.Is(err, ErrDeviceLost) {
		return err // still pending: freeing it would be undefined
	}
	d.recordMu.Lock()
	defer d.recordMu.Unlock()
	cb.free()
	return nil
}

// closeTimeout bounds the wait of Close. Submits are planned in milliseconds and drivers end hung work within about 10 s.
const closeTimeout = 30 * time.Second

func (cb *CommandBuffer) free() {
	cb.dev.drv.freeCommandBuffer(cb.dev.pool, cb.handle)
	cb.dev.hooks.gone(objCommandBuffer)
	cb.handle = 0
}

// Submit queues a recorded buffer and returns at once. It allocates nothing. What the host wrote into mapped memory before
// is visible to the work.
func (d *Device) Submit(cb *CommandBuffer) (Ticket, error) {
	d.submitMu.Lock()
	defer d.submitMu.Unlock()
	d.scratch = d.scratch[:0]
	if err := d.gather(cb); err != nil {
		return 0, err
	}
	t, err := d.submitScratch()
	if err == nil {
		cb.last = t
	}
	return t, err
}

// SubmitAll queues several buffers, in order, as one submission.
func (d *Device) SubmitAll(cbs []*CommandBuffer) (Ticket, error) {
	d.submitMu.Lock()
	defer d.submitMu.Unlock()
	d.scratch = d.scratch[:0]
	for _, cb := range cbs {
		if err := d.gather(cb); err != nil {
			return 0, err
		}
	}
	if len(d.scratch) == 0 {
		return d.last, nil
	}
	t, err := d.submitScratch()
	if err == nil {
		for _, cb := range cbs {
			cb.last = t
		}
	}
	return t, err
}

func (d *Device) gather(cb *CommandBuffer) error {
	if cb == nil || cb.handle == 0 || cb.dev != d || cb.stats.Words == 0 {
		return invalid("submit: got a closed, empty or foreign command buffer")
	}
	d.scratch = append(d.scratch, cb.handle)
	return nil
}

func (d *Device) submitScratch() (Ticket, error) {
	if d.closed.Load() {
		return 0, d.open("submit")
	}
	// Made here and not with the device: one that is only compiled for needs none, and Mesa's null hardware cannot make one.
	if d.timeline == 0 {
		r := d.hooks.run(callCreateSemaphore, func() (r Result) { d.timeline, r = d.drv.createTimeline(); return r })
		if r != Success {
			d.timeline = 0
			return 0, d.failed(callCreateSemaphore, r, "submit %d command buffers", len(d.scratch))
		}
		d.hooks.born(objSemaphore)
	}
	r := d.hooks.inject(callQueueSubmit)
	if r == Success {
		r = d.drv.submit(d.scratch, d.timeline, uint64(d.last)+1)
	}
	if r != Success {
		return 0, d.failed(callQueueSubmit, r, "submit %d command buffers", len(d.scratch))
	}
	d.last++
	return d.last, nil
}

// Last is the ticket of the newest submission.
func (d *Device) Last() Ticket {
	d.submitMu.Lock()
	defer d.submitMu.Unlock()
	return d.last
}

// Wait blocks until the ticket is complete, at most timeout; a negative timeout waits without bound. Running out of time is
// an error that is ErrTimeout: the work goes on. It allocates nothing unless it fails.
func (d *Device) Wait(t Ticket, timeout time.Duration) error {
	if uint64(t) <= d.done.Load() {
		return nil
	}
	if d.closed.Load() {
		return d.open("wait")
	}
	if last := d.Last(); t > last {
		return invalid("wait: got ticket %d, want at most %d, the last submitted", t, last)
	}
	ns := uint64(math.MaxUint64)
	if timeout >= 0 {
		ns = uint64(timeout)
	}
	r := d.hooks.inject(callWaitSemaphores)
	if r == Success {
		r = d.drv.wait(d.timeline, uint64(t), ns)
	}
	if r != Success {
		return d.failed(callWaitSemaphores, r, "wait %v for ticket %d", timeout, t)
	}
	d.complete(t)
	return nil
}

// WaitIdle waits for everything submitted so far.
func (d *Device) WaitIdle(timeout time.Duration) error { return d.Wait(d.Last(), timeout) }

// Completed is the newest complete ticket.
func (d *Device) Completed() (Ticket, error) {
	if d.closed.Load() {
		return 0, d.open("ask for completed work")
	}
	if t := d.done.Load(); t == uint64(d.Last()) {
		return Ticket(t), nil
	}
	var v uint64
	r := d.hooks.run(callGetSemaphoreCounterValue, func() Result { return d.drv.counter(d.timeline, &v) })
	if r != Success {
		return 0, d.failed(callGetSemaphoreCounterValue, r, "ask for completed work")
	}
	d.complete(Ticket(v))
	return Ticket(v), nil
}

func (d *Device) complete(t Ticket) {
	for old := d.done.Load(); uint64(t) > old; old = d.done.Load() {
		if d.done.CompareAndSwap(old, uint64(t)) {
			return
		}
	}
}
