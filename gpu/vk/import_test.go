//go:build unix

package vk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestImportHost(t *testing.T) {
	r := newRig(t)
	if !r.d.Features().ExternalMemoryHost {
		t.Skip("no external host memory")
	}
	b, err := unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	defer unix.Munmap(b)
	for i := range 64 {
		putF32(b, i, float32(i))
	}
	_, err = r.d.ImportHost(b[1:])
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = r.d.ImportHost(nil)
	assert.ErrorIs(t, err, ErrInvalid)
	m, err := r.d.ImportHost(b)
	require.NoError(t, err)
	in, err := r.d.CreateBuffer(1<<16, UsageAll, m, 0)
	require.NoError(t, err)
	clear(r.bufs[1].Bytes())
	c := r.d.NewCommands()
	c.Bind(r.p)
	c.Push(pushArgs(in.Address(), r.bufs[1].Address(), r.bufs[2].Address(), 64, 1))
	c.Dispatch(1, 1, 1)
	c.Barrier(SyncCompute, SyncHost)
	r.run(t, c)
	assert.Equal(t, float32(63), f32(r.bufs[2].Bytes(), 63))
	require.NoError(t, in.Close())
	require.NoError(t, m.Close())
}

func TestBuffersRefused(t *testing.T) {
	r := newRig(t)
	d := r.d
	_, err := d.Allocate(0, 0)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.Allocate(4096, -1)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.Allocate(4096, 99)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.Allocate(d.info.Limits.MaxMemoryAllocationSize+1, 0)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.CreateBuffer(4096, UsageAll, nil, 0)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.CreateBuffer(0, UsageAll, r.mem, 0)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.CreateBuffer(4096, UsageAll, r.mem, 1)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.CreateBuffer(4*rigBytes, UsageAll, r.mem, 0)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = d.CreateBuffer(4096, UsageAll, r.mem, 1<<40)
	assert.ErrorIs(t, err, ErrInvalid)
}
