// Package memory places buffers in a device's memory by purpose: it picks memory types, cuts large blocks into buffers, checks
// budgets before it asks the driver, and moves bytes between host and device through a staging ring, or directly where the
// host can reach the device's memory.
//
// One VkBuffer covers a whole block, and a buffer is a range of it with an address of its own: shaders use addresses only, so
// nothing is gained by a VkBuffer each, and drivers limit the number of allocations (4096 is common).
//
// The package must not know ops, tensors, formats or models.
package memory

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tuff/gpu/vk"
)

// Align is the alignment of every buffer's start and of its reserved size, in bytes: the largest that any limit of Vulkan may
// ask of storage buffers. It also means that a kernel reading whole 16-byte vectors stays within its buffer's range.
const Align = 256

// Block sizes, in bytes. Blocks start small, since a machine may have little, and double up to the maximum: 1 GiB is what
// every driver grants and is large enough that a big model needs few.
const (
	minBlock = 16 << 20
	maxBlock = 1 << 30
)

// Options of New.
type Options struct {
	// Limit bounds what is allocated from one heap, in bytes, below what the device allows. 0 means no such bound.
	Limit uint64
	// Timeout bounds every wait for the device. 0 means a minute.
	Timeout time.Duration
	// Chunk is the size of one of the staging ring's three parts, in bytes. 0 means 16 MiB.
	Chunk uint64
	// NoDirect stages everything, as on a device whose memory the host cannot reach: for tests and measurements.
	NoDirect bool
	// Apart gives each buffer a block of its own: an emulated device then sees what leaves a buffer.
	Apart bool
}

// Manager owns the memory of one device. Safe for use by several goroutines.
type Manager struct {
	dev     *vk.Device
	opts    Options
	maxSize uint64 // of one block
	behind  uint64 // bytes behind each block that belong to nobody
	types   [numPurposes][]int

	mu     sync.Mutex
	blocks []*block
	heaps  []uint64 // bytes that we allocated, by heap
	expect [numPurposes]uint64
	stats  [numPurposes]Stats
	closed bool

	stage *stager
}

// block is one allocation covered by one VkBuffer. All its buffers serve one purpose, so that a purpose's memory can go back
// as a whole.
type block struct {
	mem     *vk.Memory
	buf     *vk.Buffer
	purpose Purpose
	typ     int
	heap    int
	direct  bool // the host reaches it: mapped and coherent
	cached  bool // and reads it at full speed
	free    freeList
	live    int
}

// Buffer is a range of device memory.
type Buffer struct {
	m     *Manager
	b     *block
	off   uint64 // in the block
	size  uint64 // as asked
	room  uint64 // as reserved
	name  string
	write []byte
}

// Stats counts a purpose's memory.
type Stats struct {
	Buffers  int
	Used     uint64 // bytes asked for
	Reserved uint64 // bytes allocated from the device
	Blocks   int
}

// overread is room behind a block on drivers for CPUs. llvmpipe loads what all invocations load alike even where none of them is active any
// more, such as the element behind the last one as a loop ends: an address nobody asked for, in memory that may not be there.
const overread = 64 << 10

// New makes a manager. It allocates nothing yet.
func New(dev *vk.Device, o Options) (*Manager, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Chunk == 0 {
		o.Chunk = 16 << 20
	}
	o.Chunk = max(o.Chunk+Align-1, Align) &^ (Align - 1)
	q, err := dev.BufferRequirements(Align, vk.UsageAll)
	if err != nil {
		return nil, err
	}
	info := dev.Info()
	m := &Manager{dev: dev, opts: o, heaps: make([]uint64, len(info.Heaps))}
	if info.Type == vk.TypeCPU {
		m.behind = overread
	}
	m.maxSize = min(info.Limits.MaxMemoryAllocationSize-m.behind, info.Limits.MaxBufferSize) &^ (Align - 1)
	for p := range numPurposes {
		m.types[p] = choose(info, p, q.Types)
		if len(m.types[p]) == 0 {
			return nil, fmt.Errorf("memory: choose memory of %q for %s: got no usable type: %w", info.Name, p, vk.ErrUnsupported)
		}
	}
	m.stage = &stager{m: m}
	return m, nil
}

// Device is the manager's device.
func (m *Manager) Device() *vk.Device { return m.dev }

// MaxSize is the largest buffer that can be had, in bytes. Larger tensors must be split by the caller.
func (m *Manager) MaxSize() uint64 { return m.maxSize }

// Reserve checks that the given bytes, rounded up to whole buffers by the caller's own count, fit beside what is already
// allocated, and remembers them so that blocks come in fitting sizes. It allocates nothing. What does not fit is an error
// that is vk.ErrOutOfDeviceMemory.
func (m *Manager) Reserve(need map[Purpose]uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("memory: reserve: %w", vk.ErrClosed)
	}
	heaps := m.dev.Heaps()
	room := make([]uint64, len(heaps))
	for i := range heaps {
		room[i] = m.room(heaps, i)
	}
	for p := range numPurposes {
		left := need[p]
		for _, b := range m.blocks {
			if b.purpose == p {
				left -= min(left, b.free.total())
			}
		}
		for _, t := range m.types[p] {
			h := m.dev.Info().MemoryTypes[t].Heap
			take := min(left, room[h])
			room[h] -= take
			left -= take
		}
		if left > 0 {
			return m.full(heaps, p, need[p], nil)
		}
	}
	for p, n := range need {
		m.expect[p] = n
	}
	return nil
}

// room is how much may still be allocated from a heap.
func (m *Manager) room(heaps []vk.Heap, h int) uint64 {
	limit, used := m.budget(heaps, h)
	return limit - min(used, limit)
}

// budget is a heap's bound and what is used of it. With VK_EXT_memory_budget the driver says both, other programs considered;
// without, the bound is the heap's size and only our own use is known.
func (m *Manager) budget(heaps []vk.Heap, h int) (limit, used uint64) {
	limit, used = heaps[h].Size, m.heaps[h]
	if heaps[h].Budget > 0 {
		limit, used = min(limit, heaps[h].Budget), max(used, heaps[h].Usage)
	}
	if o := m.opts.Limit; o > 0 && o < limit {
		limit, used = o, m.heaps[h]
	}
	return limit, used
}

// full is the error of memory that is not there. A driver's own error keeps its call and result.
func (m *Manager) full(heaps []vk.Heap, p Purpose, size uint64, err error) error {
	limit, used := m.budget(heaps, m.dev.Info().MemoryTypes[m.types[p][0]].Heap)
	e := &vk.Error{Result: vk.ErrorOutOfDeviceMemory}
	var driver *vk.Error
	if errors.As(err, &driver) {
		e.Call, e.Result = driver.Call, driver.Result
	}
	e.Detail = fmt.Sprintf("allocate %s %s on %q", vk.Bytes(size), p, m.dev.Info().Name)
	e.Note = fmt.Sprintf("used %s of %s", gib(used), vk.Bytes(limit))
	return e
}

// gib prints used bytes in the unit of sizes near a heap's: 5.9 of 8.0 GiB reads better than two units.
func gib(n uint64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f", float64(n)/(1<<30))
	}
	return vk.Bytes(n)
}

// Alloc makes a buffer of size bytes for a purpose. Its bytes are undefined. The name is for messages.
func (m *Manager) Alloc(p Purpose, size uint64, name string) (*Buffer, error) {
	if p >= numPurposes || size == 0 || size > m.maxSize {
		return nil, fmt.Errorf("memory: allocate %q: got %d B for %s, want 1 to %d B: %w", name, size, p, m.maxSize, vk.ErrInvalid)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("memory: allocate %q: %w", name, vk.ErrClosed)
	}
	room := (size + Align - 1) &^ (Align - 1)
	for _, b := range m.blocks {
		if b.purpose != p || m.opts.Apart {
			continue
		}
		if off, ok := b.free.take(room); ok {
			return m.newBuffer(b, off, size, room, name), nil
		}
	}
	b, err := m.newBlock(p, room)
	if err != nil {
		return nil, err
	}
	off, ok := b.free.take(room)
	if !ok {
		panic("BUG: memory: a new block has no room")
	}
	return m.newBuffer(b, off, size, room, name), nil
}

func (m *Manager) newBuffer(b *block, off, size, room uint64, name string) *Buffer {
	b.live++
	s := &m.stats[b.purpose]
	s.Buffers++
	s.Used += size
	m.expect[b.purpose] -= min(m.expect[b.purpose], room)
	buf := &Buffer{m: m, b: b, off: off, size: size, room: room, name: name}
	if b.direct {
		buf.write = b.buf.Bytes()[off : off+size : off+size]
	}
	return buf
}

// newBlock allocates a block with room for at least need bytes from the first type whose heap has it.
func (m *Manager) newBlock(p Purpose, need uint64) (*block, error) {
	// Each block of a purpose is twice as large as the one before; one that went back no longer counts.
	size := max(need, min(uint64(minBlock)<<min(m.stats[p].Blocks, 16), maxBlock))
	if e := m.expect[p]; e > 0 {
		size = max(need, min(e, maxBlock)) // the caller told how much is to come
	}
	if m.opts.Apart {
		size = need
	}
	size = min((size+Align-1)&^(Align-1), m.maxSize)
	heaps := m.dev.Heaps()
	var last error
	for _, t := range m.types[p] {
		h := m.dev.Info().MemoryTypes[t].Heap
		room := m.room(heaps, h)
		if room < need {
			continue
		}
		// A block larger than what is asked for is a convenience; it must not be why a buffer cannot be had.
		sizes := []uint64{min(size, room&^(Align-1)), need}
		for _, n := range slices.Compact(sizes) {
			b, err := m.allocate(p, t, n)
			if err == nil {
				return b, nil
			}
			last = err
			if !errors.Is(err, vk.ErrOutOfDeviceMemory) && !errors.Is(err, vk.ErrOutOfHostMemory) {
				return nil, err
			}
		}
	}
	return nil, m.full(heaps, p, need, last)
}

func (m *Manager) allocate(p Purpose, t int, size uint64) (*block, error) {
	mem, err := m.dev.Allocate(size+m.behind, t)
	if err != nil {
		return nil, err
	}
	buf, err := m.dev.CreateBuffer(size, vk.UsageAll, mem, 0)
	if err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	mt := m.dev.Info().MemoryTypes[t]
	b := &block{mem: mem, buf: buf, purpose: p, typ: t, heap: mt.Heap, free: newFreeList(size),
		direct: buf.Bytes() != nil && mt.Flags&vk.HostCoherent != 0 && (!m.opts.NoDirect || p >= Step)}
	b.cached = b.direct && mt.Flags&vk.HostCached != 0
	m.blocks = append(m.blocks, b)
	m.heaps[b.heap] += size
	m.stats[p].Reserved += size
	m.stats[p].Blocks++
	return b, nil
}

// Stats counts the memory of a purpose.
func (m *Manager) Stats(p Purpose) Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats[p]
}

// Used is everything allocated from the device, in bytes.
func (m *Manager) Used() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var n uint64
	for _, h := range m.heaps {
		n += h
	}
	return n
}

// Budget is the bound of the heap that a purpose's memory comes from first, and what is used of it, in bytes.
func (m *Manager) Budget(p Purpose) (limit, used uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.budget(m.dev.Heaps(), m.dev.Info().MemoryTypes[m.types[p][0]].Heap)
}

// Close gives all memory back, buffers that are still open included. The device must be done with them: Close waits.
func (m *Manager) Close() error {
	err := m.dev.WaitIdle(m.opts.Timeout)
	if err != nil && !errors.Is(err, vk.ErrDeviceLost) && !errors.Is(err, vk.ErrClosed) {
		return err // freeing memory in use is undefined
	}
	err = m.stage.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, b := range m.blocks {
		err = errors.Join(err, m.release(b))
	}
	m.blocks = nil
	return err
}

func (m *Manager) release(b *block) error {
	m.heaps[b.heap] -= b.buf.Size()
	m.stats[b.purpose].Reserved -= b.buf.Size()
	m.stats[b.purpose].Blocks--
	return errors.Join(b.buf.Close(), b.mem.Close())
}

// Name is for messages; Size is in bytes, as asked; Purpose is as asked.
func (b *Buffer) Name() string     { return b.name }
func (b *Buffer) Size() uint64     { return b.size }
func (b *Buffer) Purpose() Purpose { return b.b.purpose }

// Address is the buffer's address for shaders: a multiple of Align. It is 0 after Close.
func (b *Buffer) Address() uint64 {
	if b.m == nil {
		return 0
	}
	return b.b.buf.Address() + b.off
}

// Bytes is the buffer's memory where the host reaches it, or nil. Reading it is slow unless the purpose is Readback. What the
// host writes is seen by work submitted later; what the device writes is seen after a barrier to vk.SyncHost and a wait.
func (b *Buffer) Bytes() []byte { return b.write }

// VK is the block's buffer and this buffer's offset in it, for copies and indirect dispatches.
func (b *Buffer) VK() (*vk.Buffer, uint64) { return b.b.buf, b.off }

// Close gives the range back; the device must be done with it. A block without buffers goes back to the device.
func (b *Buffer) Close() error {
	m := b.m
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b.m, b.write = nil, nil
	s := &m.stats[b.b.purpose]
	s.Buffers--
	s.Used -= b.size
	if m.closed {
		return nil
	}
	b.b.free.give(b.off, b.room)
	b.b.live--
	if b.b.live > 0 {
		return nil
	}
	m.blocks = slices.DeleteFunc(m.blocks, func(x *block) bool { return x == b.b })
	return m.release(b.b)
}
