package memory

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/vk"
)

func openDevice(t testing.TB) (*vk.Device, *vk.Hooks) {
	t.Helper()
	h := &vk.Hooks{}
	skip := func(err error) {
		t.Helper()
		if err == nil {
			return
		}
		for _, e := range []error{vk.ErrNoCgo, vk.ErrNoLoader, vk.ErrNoDriver, vk.ErrNoDevice} {
			if errors.Is(err, e) && os.Getenv("REQUIRE_GPU") == "" {
				t.Skip(err)
			}
		}
		t.Fatal(err)
	}
	in, err := vk.Open(vk.Options{Hooks: h, Validation: os.Getenv("VK_VALIDATE") != ""})
	skip(err)
	infos, err := in.PhysicalDevices()
	skip(err)
	d, err := in.OpenDevice(&infos[0], vk.DeviceOptions{Features: vk.AllFeatures()})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.Close())
		assert.Empty(t, in.Messages())
		assert.NoError(t, in.Close())
		assert.Empty(t, h.Live())
	})
	return d, h
}

func newManager(t testing.TB, o Options) (*Manager, *vk.Hooks) {
	t.Helper()
	d, h := openDevice(t)
	m, err := New(d, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m, h
}

func random(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestMoves uploads, copies, fills and downloads with sizes around the chunk, directly and through the ring.
func TestMoves(t *testing.T) {
	const chunk = 4096
	for _, staged := range []bool{false, true} {
		m, _ := newManager(t, Options{Chunk: chunk, NoDirect: staged})
		for _, p := range []Purpose{Weights, State, Scratch, Step, Upload, Readback} {
			for i, n := range []int{1, 3, 255, chunk - 1, chunk, chunk + 1, 3 * chunk, 5*chunk + 77} {
				want := random(n+13, uint64(i))
				b, err := m.Alloc(p, uint64(n+13), "test")
				require.NoError(t, err)
				assert.Equal(t, staged && p < Step, b.Bytes() == nil)
				assert.Zero(t, b.Address()%Align)
				require.NoError(t, m.Upload(b, 0, want[:13]))
				require.NoError(t, m.Upload(b, 13, want[13:]))
				got := make([]byte, n+13)
				require.NoError(t, m.Download(got, b, 0))
				require.True(t, bytes.Equal(want, got), "%v %s %d", staged, p, n)
				require.NoError(t, m.Download(got[:n], b, 13))
				require.True(t, bytes.Equal(want[13:], got[:n]))

				c, err := m.Alloc(p, uint64(n), "copy")
				require.NoError(t, err)
				require.NoError(t, m.Fill(c, 0, uint64(n), 0x5a5a5a5a))
				require.NoError(t, m.Copy(c, 0, b, 5, uint64(n/2)))
				require.NoError(t, m.Download(got[:n], c, 0))
				require.True(t, bytes.Equal(append(append([]byte(nil), want[5:5+n/2]...), bytes.Repeat([]byte{0x5a}, n-n/2)...), got[:n]))
				require.NoError(t, b.Close())
				require.NoError(t, c.Close())
				require.NoError(t, c.Close())
			}
		}
		require.NoError(t, m.Flush())
	}
}

func TestUploadFunc(t *testing.T) {
	for _, staged := range []bool{false, true} {
		m, _ := newManager(t, Options{Chunk: 1024, NoDirect: staged})
		b, err := m.Alloc(Weights, 2500, "w")
		require.NoError(t, err)
		var at []uint64
		require.NoError(t, m.UploadFunc(b, 0, 2500, func(p []byte, a uint64) error {
			at = append(at, a)
			for i := range p {
				p[i] = byte(a + uint64(i))
			}
			return nil
		}))
		assert.Equal(t, []uint64{0, 1024, 2048}, at)
		got := make([]byte, 2500)
		require.NoError(t, m.Download(got, b, 0))
		for i := range got {
			require.Equal(t, byte(i), got[i])
		}
		stop := errors.New("stop")
		assert.Equal(t, stop, m.UploadFunc(b, 0, 2500, func([]byte, uint64) error { return stop }))
		require.NoError(t, m.Upload(b, 0, []byte{1}), "usable after an error")
	}
}

func TestRefuses(t *testing.T) {
	m, _ := newManager(t, Options{})
	other, _ := newManager(t, Options{})
	b, err := m.Alloc(State, 100, "kv")
	require.NoError(t, err)
	_, err = m.Alloc(State, 0, "none")
	assert.ErrorIs(t, err, vk.ErrInvalid)
	_, err = m.Alloc(numPurposes, 1, "what")
	assert.ErrorIs(t, err, vk.ErrInvalid)
	_, err = m.Alloc(State, m.MaxSize()+1, "huge")
	assert.ErrorIs(t, err, vk.ErrInvalid)
	buf := make([]byte, 101)
	assert.ErrorIs(t, m.Upload(b, 0, buf), vk.ErrInvalid)
	assert.ErrorIs(t, m.Upload(b, ^uint64(0), buf[:2]), vk.ErrInvalid)
	assert.ErrorIs(t, m.Download(buf, b, 0), vk.ErrInvalid)
	assert.ErrorIs(t, m.Fill(b, 2, 4, 0), vk.ErrInvalid)
	assert.ErrorIs(t, m.Fill(b, 0, 6, 0), vk.ErrInvalid)
	assert.ErrorIs(t, m.Copy(b, 0, nil, 0, 1), vk.ErrInvalid)
	assert.ErrorIs(t, other.Upload(b, 0, buf[:1]), vk.ErrInvalid)
	assert.NoError(t, m.Upload(b, 100, nil))
	require.NoError(t, b.Close())
	assert.ErrorIs(t, m.Upload(b, 0, buf[:1]), vk.ErrInvalid)
	assert.Zero(t, b.Address())
}

func TestBudget(t *testing.T) {
	m, _ := newManager(t, Options{Limit: 64 << 20})
	a, err := m.Alloc(Weights, 40<<20, "a")
	require.NoError(t, err)
	_, err = m.Alloc(Weights, 30<<20, "b")
	require.ErrorIs(t, err, vk.ErrOutOfDeviceMemory)
	name := m.Device().Info().Name
	assert.Equal(t, `vk: allocate 30.0 MiB Weights on "`+name+`": out of device memory (used 40.0 MiB of 64.0 MiB)`, err.Error())
	// What is left can still be had although a whole new block cannot.
	c, err := m.Alloc(State, 1<<20, "c")
	require.NoError(t, err)
	assert.ErrorIs(t, m.Reserve(map[Purpose]uint64{Weights: 30 << 20}), vk.ErrOutOfDeviceMemory)
	assert.NoError(t, m.Reserve(map[Purpose]uint64{State: 2 << 20}))
	limit, used := m.Budget(Weights)
	assert.Equal(t, uint64(64<<20), limit)
	assert.Equal(t, m.Used(), used)
	require.NoError(t, a.Close())
	assert.NoError(t, m.Reserve(map[Purpose]uint64{Weights: 30 << 20}))
	b, err := m.Alloc(Weights, 30<<20, "b")
	require.NoError(t, err)
	assert.Equal(t, Stats{Buffers: 1, Used: 30 << 20, Reserved: 30 << 20, Blocks: 1}, m.Stats(Weights), "one block, as announced")
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
	assert.Zero(t, m.Used())
	assert.Zero(t, m.Stats(State))
}

// TestDriverOutOfMemory: the driver refuses a block; a smaller one is tried, then the error names call, size and heap.
func TestDriverOutOfMemory(t *testing.T) {
	m, h := newManager(t, Options{})
	h.Reset()
	require.NoError(t, h.InjectError("vkAllocateMemory", 0, vk.ErrorOutOfDeviceMemory))
	b, err := m.Alloc(Weights, 1000, "w")
	require.NoError(t, err, "1000 B can be had when 16 MiB cannot")
	assert.Equal(t, uint64(1024), m.Stats(Weights).Reserved)
	require.NoError(t, b.Close())
	for _, call := range []string{"vkAllocateMemory", "vkCreateBuffer", "vkBindBufferMemory", "vkMapMemory"} {
		h.Reset()
		for i := range 8 {
			require.NoError(t, h.InjectError(call, i, vk.ErrorOutOfDeviceMemory))
		}
		_, err = m.Alloc(Weights, 1000, "w")
		require.ErrorIs(t, err, vk.ErrOutOfDeviceMemory, call)
		assert.ErrorContains(t, err, call)
		assert.ErrorContains(t, err, "1.0 KiB Weights")
		assert.Zero(t, m.Used())
		h.Reset()
		require.NoError(t, h.InjectError(call, 0, vk.ErrorDeviceLost))
		_, err = m.Alloc(Weights, 1000, "w")
		require.ErrorIs(t, err, vk.ErrDeviceLost, call)
	}
	h.Reset()
	b, err = m.Alloc(Weights, 1000, "w")
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

// TestFaultsWhileMoving fails every call of staged moves in turn: typed errors, and the next move works.
func TestFaultsWhileMoving(t *testing.T) {
	m, h := newManager(t, Options{Chunk: 256, NoDirect: true})
	b, err := m.Alloc(Weights, 2000, "w")
	require.NoError(t, err)
	src, dst := random(2000, 1), make([]byte, 2000)
	move := func() error {
		if err := m.Upload(b, 0, src); err != nil {
			return err
		}
		return m.Download(dst, b, 0)
	}
	h.Reset()
	require.NoError(t, move())
	counts := h.Counts()
	tried := 0
	for call, n := range counts {
		for i := range n {
			h.Reset()
			require.NoError(t, h.InjectError(call, i, vk.ErrorOutOfHostMemory))
			err := move()
			if h.Counts()[call] <= i {
				continue // made only the first time, or only when a wait was needed
			}
			tried++
			require.ErrorIs(t, err, vk.ErrOutOfHostMemory, "%s %d", call, i)
			h.Reset()
			clear(dst)
			require.NoError(t, move(), "after %s %d", call, i)
			require.True(t, bytes.Equal(src, dst))
		}
	}
	assert.Greater(t, tried, 20)
}

// TestReuse allocates and frees at random and checks that no two live buffers overlap, by their contents.
func TestReuse(t *testing.T) {
	m, _ := newManager(t, Options{})
	r := rand.New(rand.NewPCG(3, 4))
	type live struct {
		b    *Buffer
		mark byte
	}
	var bufs []live
	for i := range 400 {
		if len(bufs) > 0 && r.IntN(3) == 0 {
			k := r.IntN(len(bufs))
			require.Equal(t, bytes.Repeat([]byte{bufs[k].mark}, int(bufs[k].b.Size())), bufs[k].b.Bytes())
			require.NoError(t, bufs[k].b.Close())
			bufs = append(bufs[:k], bufs[k+1:]...)
			continue
		}
		b, err := m.Alloc(Readback, 1+r.Uint64N(60000), "x")
		require.NoError(t, err)
		for j := range b.Bytes() {
			b.Bytes()[j] = byte(i)
		}
		bufs = append(bufs, live{b, byte(i)})
	}
	for _, l := range bufs {
		require.Equal(t, bytes.Repeat([]byte{l.mark}, int(l.b.Size())), l.b.Bytes())
		require.NoError(t, l.b.Close())
	}
	assert.Zero(t, m.Used())
}

// TestFreeList compares with a plain map of bytes.
func TestFreeList(t *testing.T) {
	const size = 64
	r := rand.New(rand.NewPCG(1, 2))
	f := newFreeList(size)
	var used [size]bool
	type part struct{ off, n uint64 }
	var parts []part
	for range 5000 {
		if n := 1 + r.Uint64N(12); r.IntN(2) == 0 {
			off, ok := f.take(n)
			if !ok {
				run := uint64(0)
				for _, u := range used {
					if run++; u {
						run = 0
					}
					require.Less(t, run, n, "there was room")
				}
				continue
			}
			for i := off; i < off+n; i++ {
				require.False(t, used[i])
				used[i] = true
			}
			parts = append(parts, part{off, n})
		} else if len(parts) > 0 {
			k := r.IntN(len(parts))
			p := parts[k]
			parts = append(parts[:k], parts[k+1:]...)
			f.give(p.off, p.n)
			for i := p.off; i < p.off+p.n; i++ {
				used[i] = false
			}
		}
		free := uint64(0)
		for _, u := range used {
			if !u {
				free++
			}
		}
		require.Equal(t, free, f.total())
		for i := 1; i < len(f); i++ {
			require.Less(t, f[i-1].off+f[i-1].size, f[i].off, "sorted, and not touching")
		}
	}
	for _, p := range parts {
		f.give(p.off, p.n)
	}
	assert.Equal(t, newFreeList(size), f)
	assert.Panics(t, func() { f.give(8, 8) })
}

// Making and closing buffers over and over must not make ever larger blocks.
func TestBlocksDoNotGrowWhenMemoryComesBack(t *testing.T) {
	m, _ := newManager(t, Options{})
	for range 20 {
		b, err := m.Alloc(Scratch, 1024, "small")
		require.NoError(t, err)
		assert.Equal(t, uint64(minBlock), m.Stats(Scratch).Reserved)
		require.NoError(t, b.Close())
		assert.Zero(t, m.Used())
	}
}

// Behind a block on a driver for CPUs lies memory that its kernels may read, and that no buffer has.
func TestBlocksOfCPUDriversHaveRoomBehind(t *testing.T) {
	m, _ := newManager(t, Options{})
	b, err := m.Alloc(Scratch, minBlock, "whole")
	require.NoError(t, err)
	want := uint64(0)
	if m.Device().Info().Type == vk.TypeCPU {
		want = overread
	}
	assert.Equal(t, want, b.b.mem.Size()-b.b.buf.Size())
	assert.Equal(t, b.b.buf.Size(), m.Stats(Scratch).Reserved)
	require.NoError(t, b.Close())
}
