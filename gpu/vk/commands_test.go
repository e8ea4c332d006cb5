package vk

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rig is a pipeline and buffers to record with.
type rig struct {
	d    *Device
	p    *Pipeline
	mem  *Memory
	bufs [3]*Buffer
}

const rigBytes = 1 << 16

func newRig(t testing.TB) *rig {
	t.Helper()
	d := openTest(t, nil)
	r := &rig{d: d}
	var err error
	r.mem, err = d.Allocate(3*rigBytes, hostType(d))
	require.NoError(t, err)
	t.Cleanup(func() { r.mem.Close() })
	for i := range r.bufs {
		r.bufs[i], err = d.CreateBuffer(rigBytes, UsageAll, r.mem, uint64(i*rigBytes))
		require.NoError(t, err)
		t.Cleanup(func() { r.bufs[i].Close() })
	}
	r.p, err = d.CreatePipeline(PipelineInfo{Name: "vadd", SPIRV: words(t), Spec: SpecConstants(64), PushSize: vaddPush})
	require.NoError(t, err)
	t.Cleanup(func() { r.p.Close() })
	return r
}

func (r *rig) run(t testing.TB, c *Commands) {
	t.Helper()
	cb, err := r.d.Record(c)
	require.NoError(t, err)
	tk, err := r.d.Submit(cb)
	require.NoError(t, err)
	require.NoError(t, r.d.Wait(tk, 10*time.Second))
	require.NoError(t, cb.Close())
}

func TestSubmitAllocatesNothing(t *testing.T) {
	r := newRig(t)
	c := r.d.NewCommands()
	c.Bind(r.p)
	c.Push(pushArgs(r.bufs[0].Address(), r.bufs[1].Address(), r.bufs[2].Address(), 64, 1))
	c.Dispatch(1, 1, 1)
	cb, err := r.d.Record(c)
	require.NoError(t, err)
	defer cb.Close()
	allocs := testing.AllocsPerRun(100, func() {
		tk, err := r.d.Submit(cb)
		if err != nil || r.d.Wait(tk, time.Second) != nil {
			t.Error("submit or wait failed")
		}
	})
	assert.Zero(t, allocs)
	// Recording into a stream that has grown once allocates nothing either.
	push := pushArgs(r.bufs[0].Address(), r.bufs[1].Address(), r.bufs[2].Address(), 64, 1)
	allocs = testing.AllocsPerRun(100, func() {
		c.Reset()
		c.Bind(r.p)
		c.Push(push)
		c.Dispatch(1, 1, 1)
		c.Barrier(SyncCompute, SyncCompute)
	})
	assert.Zero(t, allocs)
}

func TestCommandsRun(t *testing.T) {
	r := newRig(t)
	a, b, o := r.bufs[0], r.bufs[1], r.bufs[2]
	for i := range 256 {
		putF32(a.Bytes(), i, float32(i))
	}
	c := r.d.NewCommands()
	c.Copy(b, 1024, a, 0, 1024)                                               // b[256:512] = a[0:256]
	c.Fill(o, 0, rigBytes, 0xdeadbeef)                                        // everything
	c.Update(b, 0, []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff}) // counts 1,1,1 and a mark
	c.Update(b, 16, make([]byte, 12))                                         // counts 0,0,0
	c.Barrier(SyncTransfer, SyncCompute|SyncIndirect)
	c.Bind(r.p)
	c.Push(pushArgs(a.Address(), b.Address()+1024, o.Address(), 64, 2)) // o[0:64] = 3·i
	c.DispatchIndirect(b, 0)
	c.Push(pushArgs(a.Address(), b.Address()+1024, o.Address()+256, 64, 2)) // counts are 0: nothing
	c.DispatchIndirect(b, 16)
	c.Dispatch(0, 1, 1)
	c.Barrier(SyncCompute, SyncHost)
	assert.Equal(t, CommandStats{Dispatches: 3, Barriers: 2, Copies: 4, Words: c.Stats().Words}, c.Stats())
	r.run(t, c)
	for i := range 64 {
		require.Equal(t, float32(3*i), f32(o.Bytes(), i))
	}
	assert.Equal(t, uint32(0xdeadbeef), binary.NativeEndian.Uint32(o.Bytes()[256:]))
	assert.Equal(t, byte(0xff), b.Bytes()[15])
}

func TestConditionLeavesDispatchesOut(t *testing.T) {
	r := newRig(t)
	if !r.d.Features().ConditionalRendering {
		t.Skip("no conditional rendering")
	}
	a, b, o := r.bufs[0], r.bufs[1], r.bufs[2]
	for i := range 64 {
		putF32(a.Bytes(), i, float32(i+1))
		putF32(b.Bytes(), i, 0)
	}
	clear(o.Bytes())
	c := r.d.NewCommands()
	c.Bind(r.p)
	c.Update(b, 1024, []byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	c.Barrier(SyncTransfer, SyncCompute|SyncPredicate)
	for i, offset := range []uint64{1024, 1028, 1032} { // 0, 1 and 0 again
		c.BeginConditional(b, offset)
		c.Push(pushArgs(a.Address(), b.Address(), o.Address()+uint64(256*i), 64, 1))
		c.Dispatch(1, 1, 1)
		c.EndConditional()
	}
	c.Push(pushArgs(a.Address(), b.Address(), o.Address()+3*256, 64, 1))
	c.Dispatch(1, 1, 1)
	c.Barrier(SyncCompute, SyncHost)
	r.run(t, c)
	for i, want := range []float32{0, 1, 0, 1} {
		assert.Equal(t, want, f32(o.Bytes(), 64*i), "dispatch %d", i)
	}
}

func TestCommandsRefuse(t *testing.T) {
	r := newRig(t)
	other := newRig(t)
	b, d := r.bufs[0], r.d
	q, err := d.NewQueryPool(4)
	require.NoError(t, err)
	defer q.Close()
	cases := map[string]func(c *Commands){
		"push unbound":         func(c *Commands) { c.Push(make([]byte, 4)) },
		"dispatch unbound":     func(c *Commands) { c.Dispatch(1, 1, 1) },
		"indirect unbound":     func(c *Commands) { c.DispatchIndirect(b, 0) },
		"nil pipeline":         func(c *Commands) { c.Bind(nil) },
		"foreign pipeline":     func(c *Commands) { c.Bind(other.p) },
		"push too long":        func(c *Commands) { c.Bind(r.p); c.Push(make([]byte, vaddPush+4)) },
		"push odd":             func(c *Commands) { c.Bind(r.p); c.Push(make([]byte, 5)) },
		"push empty":           func(c *Commands) { c.Bind(r.p); c.Push(nil) },
		"grid":                 func(c *Commands) { c.Bind(r.p); c.Dispatch(d.info.Limits.MaxComputeWorkGroupCount[0]+1, 1, 1) },
		"indirect odd":         func(c *Commands) { c.Bind(r.p); c.DispatchIndirect(b, 2) },
		"indirect end":         func(c *Commands) { c.Bind(r.p); c.DispatchIndirect(b, rigBytes-8) },
		"foreign buffer":       func(c *Commands) { c.Fill(other.bufs[0], 0, 4, 0) },
		"copy past end":        func(c *Commands) { c.Copy(r.bufs[1], 4, b, 0, rigBytes) },
		"copy overflow":        func(c *Commands) { c.Copy(r.bufs[1], 0, b, ^uint64(0), 2) },
		"copy nothing":         func(c *Commands) { c.Copy(r.bufs[1], 0, b, 0, 0) },
		"copy overlap":         func(c *Commands) { c.Copy(b, 8, b, 0, 16) },
		"fill odd":             func(c *Commands) { c.Fill(b, 0, 6, 0) },
		"update odd":           func(c *Commands) { c.Update(b, 0, make([]byte, 3)) },
		"barrier empty":        func(c *Commands) { c.Barrier(0, SyncCompute) },
		"timestamp":            func(c *Commands) { c.Timestamp(q, 4) },
		"end of no condition":  func(c *Commands) { c.EndConditional() },
		"condition in another": func(c *Commands) { c.BeginConditional(b, 0); c.BeginConditional(b, 4) },
		"condition odd":        func(c *Commands) { c.BeginConditional(b, 2) },
		"condition left open":  func(c *Commands) { c.BeginConditional(b, 0) },
		"reset":                func(c *Commands) { c.ResetQueries(q, 3, 2) },
		"reset overflow":       func(c *Commands) { c.ResetQueries(q, 1, ^uint32(0)) },
		"end label":            func(c *Commands) { c.EndLabel() },
		"open label":           func(c *Commands) { c.BeginLabel("x") },
		"empty":                func(c *Commands) {},
	}
	for name, f := range cases {
		c := d.NewCommands()
		f(c)
		_, err := d.Record(c)
		assert.ErrorIs(t, err, ErrInvalid, name)
	}
	c := other.d.NewCommands()
	c.Fill(other.bufs[0], 0, 4, 0)
	_, err = d.Record(c)
	assert.ErrorIs(t, err, ErrInvalid, "foreign stream")
	_, err = d.Submit(&CommandBuffer{})
	assert.ErrorIs(t, err, ErrInvalid)
	assert.ErrorIs(t, d.Wait(d.Last()+1, 0), ErrInvalid)
}

// TestReplayRefusesMalformed gives C streams that Commands would never make.
func TestReplayRefusesMalformed(t *testing.T) {
	r := newRig(t)
	h, res := r.d.drv.allocateCommandBuffer(r.d.pool)
	require.Equal(t, Success, res)
	defer r.d.drv.freeCommandBuffer(r.d.pool, h)
	for name, w := range map[string][]uint64{
		"unknown":      {99},
		"zero":         {0},
		"bind cut":     {opBind},
		"push cut":     {opPush, 1, 0, 16, 7},
		"push huge":    {opPush, 1, 0, 1 << 60},
		"push max":     {opPush, 1, 0, ^uint64(0)},
		"copy cut":     {opCopy, 1, 2, 3, 4},
		"update cut":   {opUpdate, 1, 0, 64, 0},
		"label no nul": {opBeginLabel, 8, 0x4141414141414141},
		"label zero":   {opBeginLabel, 0},
	} {
		require.Equal(t, Success, r.d.drv.begin(h))
		assert.Equal(t, errorStreamMalformed, r.d.drv.replay(h, w), name)
		require.Equal(t, Success, r.d.drv.end(h))
	}
}

// TestTimeline submits the same buffer many times without waiting, and records again only when it is complete.
func TestTimeline(t *testing.T) {
	r := newRig(t)
	a, o := r.bufs[0], r.bufs[2]
	clear(o.Bytes())
	putF32(a.Bytes(), 0, 1)
	c := r.d.NewCommands()
	c.Bind(r.p) // o[0] = o[0] + 1·a[0]
	c.Push(pushArgs(o.Address(), a.Address(), o.Address(), 1, 1))
	c.Dispatch(1, 1, 1)
	c.Barrier(SyncCompute, SyncCompute|SyncHost)
	cb, err := r.d.Record(c)
	require.NoError(t, err)
	var last Ticket
	for i := range 50 {
		tk, err := r.d.Submit(cb)
		require.NoError(t, err)
		assert.Equal(t, last+1, tk, i)
		last = tk
	}
	tk, err := r.d.SubmitAll([]*CommandBuffer{cb, cb})
	require.NoError(t, err)
	assert.NoError(t, r.d.Wait(0, 0))
	require.NoError(t, r.d.Wait(tk, 10*time.Second))
	done, err := r.d.Completed()
	require.NoError(t, err)
	assert.Equal(t, tk, done)
	assert.Equal(t, float32(52), f32(o.Bytes(), 0))
	require.NoError(t, cb.Record(c))
	require.NoError(t, r.d.hooks.InjectError("vkEndCommandBuffer", int(r.d.hooks.counts[callEndCommandBuffer].Load()), ErrorOutOfHostMemory))
	require.ErrorIs(t, cb.Record(c), ErrOutOfHostMemory)
	_, err = r.d.Submit(cb)
	assert.ErrorIs(t, err, ErrInvalid, "holds nothing")
	require.NoError(t, cb.Record(c))
	_, err = r.d.Submit(cb)
	require.NoError(t, err)
	require.NoError(t, r.d.WaitIdle(-1))
	require.NoError(t, cb.Close())

	// A wait that runs out of time is a timeout and leaves the work running.
	n := int(r.d.hooks.counts[callWaitSemaphores].Load())
	require.NoError(t, r.d.hooks.InjectError("vkWaitSemaphores", n, Timeout))
	cb, err = r.d.Record(c)
	require.NoError(t, err)
	tk, err = r.d.Submit(cb)
	require.NoError(t, err)
	assert.ErrorIs(t, r.d.Wait(tk, 0), ErrTimeout)
	assert.NoError(t, r.d.Wait(tk, 10*time.Second))
	assert.False(t, r.d.Lost())
	require.NoError(t, cb.Close())
}

func TestTimestamps(t *testing.T) {
	r := newRig(t)
	q, err := r.d.NewQueryPool(3)
	require.NoError(t, err)
	defer q.Close()
	require.NoError(t, q.Reset(0, 3))
	var ts [3]uint64
	assert.ErrorIs(t, q.Results(0, ts[:], false), ErrNotReady)
	c := r.d.NewCommands()
	c.Timestamp(q, 0)
	c.Fill(r.bufs[0], 0, rigBytes, 7)
	c.Timestamp(q, 1)
	before := time.Now()
	r.run(t, c)
	after := time.Now()
	require.NoError(t, q.Results(0, ts[:2], true))
	assert.GreaterOrEqual(t, r.d.Elapsed(ts[0], ts[1]), time.Duration(0))
	assert.Less(t, r.d.Elapsed(ts[0], ts[1]), after.Sub(before))
	assert.ErrorIs(t, q.Results(2, ts[:2], false), ErrInvalid)
	_, err = r.d.NewQueryPool(0)
	assert.ErrorIs(t, err, ErrInvalid)

	if !r.d.Features().CalibratedTimestamps {
		t.Skip("no calibrated timestamps")
	}
	cal, err := r.d.Calibrate()
	require.NoError(t, err)
	if !cal.When.IsZero() {
		at := r.d.Time(cal, ts[1])
		slack := time.Millisecond
		assert.True(t, at.After(before.Add(-slack)) && at.Before(after.Add(slack)), "device %v, host %v to %v", at, before, after)
	}
	// Wrapping at fewer bits than 64.
	d := &Device{info: PhysicalInfo{Limits: Limits{TimestampPeriod: 2, TimestampValidBits: 36}}}
	assert.Equal(t, 20*time.Nanosecond, d.Elapsed(1<<36-4, 6))
	now := time.Now()
	assert.Equal(t, now.Add(-20*time.Nanosecond), d.Time(Calibration{Ticks: 6, When: now}, 1<<36-4))
	assert.Equal(t, now.Add(20*time.Nanosecond), d.Time(Calibration{Ticks: 1<<36 - 4, When: now}, 6))
}

func TestPickFamily(t *testing.T) {
	g := QueueFamily{Compute: true, Graphics: true, Count: 1}
	c := QueueFamily{Compute: true, Count: 2}
	x := QueueFamily{Transfer: true, Count: 1}
	assert.Equal(t, 1, pickFamily([]QueueFamily{g, c}))
	assert.Equal(t, 1, pickFamily([]QueueFamily{x, g}))
	assert.Equal(t, -1, pickFamily([]QueueFamily{x, {Compute: true}}))
	assert.Equal(t, -1, pickFamily(nil))
}
