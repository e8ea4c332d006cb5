package gpu

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tuff/gpu/memory"
	"tuff/host/compute"
)

// BehindScratch takes scratch memory behind what is in use and returns what says whether anybody has written there.
func BehindScratch(t testing.TB, d *Device, size int) (untouched func() bool) {
	const pattern = 0xa5a5a5a5
	b, err := d.mem.Alloc(memory.Scratch, uint64(size), "behind scratch")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	require.NoError(t, d.mem.Fill(b, 0, uint64(size), pattern))
	return func() bool {
		got := make([]byte, size)
		require.NoError(t, d.mem.Download(got, b, 0))
		return bytes.Count(got, []byte{0xa5}) == size
	}
}

// WithFewRegisters makes a device plan as one that is no CPU and whose invocations have so many registers.
func WithFewRegisters(d *Device, registers int) *Device {
	d.caps.Registers, d.caps.UniformLoads, d.caps.CPU = registers, false, false
	return d
}

// WithFewWaves makes a device plan as AMD's before RDNA, whose subgroups have 64 invocations: they have few with many registers at a time.
func WithFewWaves(d *Device) *Device {
	d.caps.Vendor, d.caps.SubgroupMin, d.caps.UniformLoads, d.caps.CPU = 0x1002, 64, false, false
	return d
}

// SetTook makes an executable take its recordings for what took so long, or for new ones where that is 0.
func SetTook(x compute.Executable, took time.Duration) {
	e := x.(*executable)
	e.speeds = speeds{}
	for _, r := range e.plain.list {
		r.took = took
	}
}
