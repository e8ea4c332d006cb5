package vk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/emulator"
)

// emulate opens a device of a kind.
func emulate(t *testing.T, kind string) *Device {
	t.Helper()
	h := &Hooks{}
	in, err := Open(Options{Hooks: h, Emulate: kind})
	require.NoError(t, err)
	infos, err := in.PhysicalDevices()
	require.NoError(t, err)
	require.Len(t, infos, 1)
	require.True(t, infos[0].Emulated)
	d, err := in.OpenDevice(&infos[0], DeviceOptions{Features: AllFeatures()})
	require.NoError(t, err)
	t.Cleanup(func() {
		d.Close() // a lost device says so again
		in.Close()
	})
	return d
}

// on makes a buffer of its own memory that the host reaches.
func on(t *testing.T, d *Device, size uint64) *Buffer {
	t.Helper()
	for i, mt := range d.Info().MemoryTypes {
		if mt.Flags&HostVisible != 0 {
			m, err := d.Allocate(size, i)
			require.NoError(t, err)
			b, err := d.CreateBuffer(size, UsageAll, m, 0)
			require.NoError(t, err)
			t.Cleanup(func() {
				b.Close()
				m.Close()
			})
			return b
		}
	}
	t.Fatal("no memory that the host reaches")
	return nil
}

// submitted records commands, submits them and waits.
func submitted(t *testing.T, d *Device, record func(*Commands)) error {
	t.Helper()
	c := d.NewCommands()
	record(c)
	cb, err := d.Record(c)
	require.NoError(t, err)
	ticket, err := d.Submit(cb)
	if err != nil {
		return err
	}
	return d.Wait(ticket, 10*time.Second)
}

// TestEmulatedKindsAreWhole: each kind is opened with all that it claims, and its memory begins as nobody's.
func TestEmulatedKindsAreWhole(t *testing.T) {
	for _, kind := range EmulatedKinds() {
		d := emulate(t, kind)
		info := d.Info()
		assert.Equal(t, info.Features, d.Features(), kind)
		assert.Equal(t, info.Features.CooperativeMatrix, len(info.CooperativeMatrices) > 0, kind)
		assert.Equal(t, info.Features.CooperativeMatrixFlexibleDimensions, len(info.FlexibleMatrices) > 0, kind)
		assert.LessOrEqual(t, info.Subgroup.Min, info.Subgroup.Size, kind)
		require.NoError(t, vadd(d.in, 1000), kind)
		b := on(t, d, 4096)
		want := make([]byte, 4096)
		emulator.Poison(want)
		assert.Equal(t, want, b.Bytes(), kind)
	}
	_, err := Open(Options{Emulate: "voodoo"})
	assert.ErrorIs(t, err, ErrInvalid)
}

// TestEmulatedCommands runs an addition between copies, and finds what lacks a barrier.
func TestEmulatedCommands(t *testing.T) {
	for _, kind := range EmulatedKinds() {
		for _, barrier := range []bool{true, false} {
			d := emulate(t, kind)
			x, y, out, far := on(t, d, 256), on(t, d, 256), on(t, d, 256), on(t, d, 256)
			words, err := SPIRV(vaddSPV)
			require.NoError(t, err)
			p, err := d.CreatePipeline(PipelineInfo{Name: "vadd", SPIRV: words, Spec: SpecConstants(64), PushSize: vaddPush})
			require.NoError(t, err)
			q, err := d.NewQueryPool(2)
			require.NoError(t, err)
			err = submitted(t, d, func(c *Commands) {
				c.ResetQueries(q, 0, 2)
				c.Timestamp(q, 0)
				c.Fill(x, 0, 256, 0x3f800000)
				c.Fill(y, 0, 256, 0x40000000)
				c.Barrier(SyncTransfer, SyncCompute)
				c.Bind(p)
				c.Push(pushArgs(x.Address(), y.Address(), out.Address(), 64, 3))
				c.Dispatch(1, 1, 1)
				if barrier {
					c.Barrier(SyncCompute, SyncTransfer)
				}
				c.Copy(far, 0, out, 0, 256)
				c.Timestamp(q, 1)
			})
			if !barrier {
				require.ErrorIs(t, err, ErrDeviceLost, kind)
				assert.ErrorContains(t, err, "emulator: copy: ", kind)
				assert.ErrorContains(t, err, "without a barrier between them", kind)
				assert.True(t, d.Lost())
				assert.ErrorIs(t, submitted(t, d, func(c *Commands) { c.Fill(x, 0, 256, 1) }), ErrDeviceLost, "a lost device stays lost")
				continue
			}
			require.NoError(t, err, kind)
			assert.Equal(t, out.Bytes(), far.Bytes(), kind)
			ticks := make([]uint64, 2)
			require.NoError(t, q.Results(0, ticks, true))
			assert.Less(t, ticks[0], ticks[1])
			for i := range 64 {
				require.Equal(t, float32(1+3*2), f32(far.Bytes(), i), kind)
			}
		}
	}
}

// TestEmulatedDestroyed: work on a buffer that is gone loses the device, not the program.
func TestEmulatedDestroyed(t *testing.T) {
	d := emulate(t, "amd")
	b := on(t, d, 256)
	c := d.NewCommands()
	c.Fill(b, 0, 256, 1)
	cb, err := d.Record(c)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	ticket, err := d.Submit(cb)
	require.NoError(t, err)
	err = d.Wait(ticket, 10*time.Second)
	require.ErrorIs(t, err, ErrDeviceLost)
	assert.ErrorContains(t, err, "an object that was destroyed")
}
