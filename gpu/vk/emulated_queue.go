package vk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"tuff/gpu/emulator"
)

// emulatedJob is a submission.
type emulatedJob struct {
	commands []*emulatedCommands
	value    uint64
	apart    bool // the host waited for everything before it
}

func (d *emulatedDevice) submit(cbs []uint64, _, value uint64) Result {
	j := emulatedJob{value: value}
	for _, cb := range cbs {
		j.commands = append(j.commands, held[*emulatedCommands](d, cb))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.why != nil {
		return ErrorDeviceLost
	}
	j.apart = d.seen == d.queued
	d.queued = value
	d.jobs = append(d.jobs, j)
	if !d.running {
		d.running = true
		go d.work()
	}
	return Success
}

// work runs jobs until there are none.
func (d *emulatedDevice) work() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = stop
	for len(d.jobs) > 0 && d.why == nil {
		j := d.jobs[0]
		d.jobs = d.jobs[1:]
		d.mu.Unlock()
		if j.apart {
			d.machine.Barrier()
		}
		r := replayer{d: d, ctx: ctx}
		var err error
		for _, c := range j.commands {
			if err == nil {
				err = r.run(c.words)
			}
		}
		d.mu.Lock()
		if err != nil {
			d.why = err
			if !errors.Is(err, context.Canceled) {
				d.in.say("%v", err)
			}
		} else {
			d.value = j.value
		}
		d.changed.Broadcast()
	}
	d.running = false
	d.changed.Broadcast()
}

// wait waits for a value of the timeline, at most timeout ns.
func (d *emulatedDevice) wait(_, value, timeout uint64) Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	late := false
	if timeout < 1<<62 {
		t := time.AfterFunc(time.Duration(timeout), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			late = true
			d.changed.Broadcast()
		})
		defer t.Stop()
	}
	for d.value < value {
		switch {
		case d.why != nil:
			return ErrorDeviceLost
		case late || timeout == 0:
			return Timeout
		}
		d.changed.Wait()
	}
	d.seen = max(d.seen, value)
	return Success
}

func (d *emulatedDevice) counter(_ uint64, value *uint64) Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	*value = d.value
	d.seen = max(d.seen, d.value)
	if d.why != nil {
		return ErrorDeviceLost
	}
	return Success
}

func (d *emulatedDevice) waitIdle() Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.running {
		d.changed.Wait()
	}
	if d.why != nil {
		return ErrorDeviceLost
	}
	return Success
}

// destroy ends what still runs.
func (d *emulatedDevice) destroy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		d.stop()
	}
	for d.running {
		d.changed.Wait()
	}
}

// explain is why a call failed, to stand behind an error.
func (d *emulatedDevice) explain(r Result) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r == ErrorDeviceLost && d.why != nil:
		return ": " + d.why.Error()
	case r == ErrorInvalidShader && d.refused != nil:
		return ": " + d.refused.Error()
	}
	return ""
}

// replayer runs an op stream: see commands.go.
type replayer struct {
	d    *emulatedDevice
	ctx  context.Context
	p    *emulator.Program
	push [256]byte
	skip bool // by a condition
}

func (r *replayer) run(words []uint64) (err error) {
	d := r.d
	// The handle of a destroyed object stands for nothing, which GPUs find out in ways of their own.
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("emulator: a command uses an object that was destroyed: %w", p)
		default:
			panic(p)
		}
	}()
	for len(words) > 0 {
		op := words[0]
		a := words[1:]
		n := 0 // words of arguments
		switch op {
		case opBind:
			n, r.p = 1, held[*emulatedPipeline](d, a[0]).p
		case opPush:
			n = 3 + int(a[2]+7)/8
			copy(r.push[a[1]:], payload(a[3:], a[2]))
		case opDispatch:
			n, err = 3, r.dispatch(uint32(a[0]), uint32(a[1]), uint32(a[2]))
		case opDispatchIndirect:
			n = 2
			b := held[*emulatedBuffer](d, a[0])
			at := func(i uint64) uint32 { return binary.LittleEndian.Uint32(b.bytes[a[1]+4*i:]) }
			if err = d.machine.Touch("indirect dispatch", emulator.Range{Address: b.address + a[1], Size: 12}); err == nil {
				err = r.dispatch(at(0), at(1), at(2))
			}
		case opBarrier:
			n = 2
			d.machine.Barrier()
		case opCopy:
			n = 5
			src, dst := held[*emulatedBuffer](d, a[0]), held[*emulatedBuffer](d, a[2])
			err = d.machine.Touch("copy", emulator.Range{Address: src.address + a[1], Size: a[4]}, emulator.Range{Address: dst.address + a[3], Size: a[4], Write: true})
			copy(dst.bytes[a[3]:a[3]+a[4]], src.bytes[a[1]:a[1]+a[4]])
		case opFill:
			n = 4
			b := held[*emulatedBuffer](d, a[0])
			err = d.machine.Touch("fill", emulator.Range{Address: b.address + a[1], Size: a[2], Write: true})
			for i := uint64(0); i < a[2]; i += 4 {
				binary.LittleEndian.PutUint32(b.bytes[a[1]+i:], uint32(a[3]))
			}
		case opUpdate:
			n = 3 + int(a[2]+7)/8
			b := held[*emulatedBuffer](d, a[0])
			err = d.machine.Touch("update", emulator.Range{Address: b.address + a[1], Size: a[2], Write: true})
			copy(b.bytes[a[1]:], payload(a[3:], a[2]))
		case opTimestamp:
			n = 2
			q := held[*emulatedQueries](d, a[0])
			d.mu.Lock()
			q.ticks[a[1]] = emulatedClock()
			d.mu.Unlock()
		case opResetQueries:
			n = 3
			d.resetQueries(a[0], uint32(a[1]), uint32(a[2]))
		case opBeginLabel:
			n = 1 + int(a[0]+7)/8
		case opEndLabel:
		case opBeginConditional:
			n = 2
			b := held[*emulatedBuffer](d, a[0])
			err = d.machine.Touch("condition", emulator.Range{Address: b.address + a[1], Size: 4})
			r.skip = binary.LittleEndian.Uint32(b.bytes[a[1]:]) == 0
		case opEndConditional:
			r.skip = false
		default:
			panic("BUG: vk: an op stream holds a word that is no op")
		}
		if err != nil {
			return err
		}
		words = a[n:]
	}
	return nil
}

func (r *replayer) dispatch(x, y, z uint32) error {
	if r.skip {
		return nil
	}
	m := r.d.in.kind.limits().MaxComputeWorkGroupCount
	if x > m[0] || y > m[1] || z > m[2] {
		return invalid("indirect dispatch: got grid %d,%d,%d, want at most %d,%d,%d", x, y, z, m[0], m[1], m[2])
	}
	return r.d.machine.Dispatch(r.ctx, r.p, r.push[:], x, y, z)
}

// payload are n bytes that a stream holds as words.
func payload(words []uint64, n uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}
