package vk

import (
	"encoding/binary"
	"math"
)

// The op stream: 64-bit words, an op code followed by its arguments. vkx.c replays it; driver_cgo.go checks at compile
// time that both sides use the same codes.
const (
	opBind             uint64 = 1 + iota // pipeline
	opPush                               // layout, offset bytes, size bytes, the bytes padded to words
	opDispatch                           // x, y, z
	opDispatchIndirect                   // buffer, offset
	opBarrier                            // source stages<<32|access, destination stages<<32|access
	opCopy                               // source, offset, destination, offset, size
	opFill                               // buffer, offset, size, value
	opUpdate                             // buffer, offset, size bytes, the bytes padded to words
	opTimestamp                          // pool, index
	opResetQueries                       // pool, first, count
	opBeginLabel                         // size bytes with the nul, the bytes padded to words
	opEndLabel
	opBeginConditional // buffer, offset
	opEndConditional
)

// Sync is a set of users of memory, for barriers.
type Sync uint32

// The users. Host means reads through mapped memory.
const (
	SyncCompute Sync = 1 << iota
	SyncTransfer
	SyncHost
	SyncIndirect  // reading the counts of an indirect dispatch
	SyncPredicate // reading what BeginConditional looks at
)

const maxUpdate = 65536 // bytes, by the specification of vkCmdUpdateBuffer

// CommandStats counts what a stream holds.
type CommandStats struct {
	Dispatches, Barriers, Copies, Words int
}

// Commands is an op stream under construction. Appending allocates only while the stream grows; Reset keeps its memory.
// The first error stays and is reported by Err and by Device.Record; later calls do nothing. Not safe for concurrent use.
type Commands struct {
	dev     *Device
	words   []uint64
	bound   *Pipeline
	labels  int
	guarded bool // between BeginConditional and EndConditional
	stats   CommandStats
	err     error
}

// NewCommands makes an empty stream for the device.
func (d *Device) NewCommands() *Commands { return &Commands{dev: d} }

// Reset empties the stream.
func (c *Commands) Reset() {
	c.words, c.bound, c.labels, c.guarded, c.stats, c.err = c.words[:0], nil, 0, false, CommandStats{}, nil
}

// Err is the first error.
func (c *Commands) Err() error { return c.err }

// Stats counts what was appended.
func (c *Commands) Stats() CommandStats {
	s := c.stats
	s.Words = len(c.words)
	return s
}

func (c *Commands) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Bind makes p the pipeline of the following Push and Dispatch calls.
func (c *Commands) Bind(p *Pipeline) {
	if c.err != nil {
		return
	}
	if p == nil || p.handle == 0 || p.dev != c.dev {
		c.fail(invalid("record bind: got a closed or foreign pipeline"))
		return
	}
	c.bound = p
	c.words = append(c.words, opBind, p.handle)
}

// Push sets the push constants of the bound pipeline from offset 0: as many bytes as it was created with, at most.
func (c *Commands) Push(data []byte) {
	if c.err != nil {
		return
	}
	if c.bound == nil {
		c.fail(invalid("record push constants: no pipeline is bound"))
		return
	}
	if len(data)%4 != 0 || len(data) == 0 || len(data) > int(c.bound.pushSize) {
		c.fail(invalid("record push constants of %q: got %d B, want a multiple of 4 up to %d", c.bound.name, len(data), c.bound.pushSize))
		return
	}
	c.words = append(c.words, opPush, c.bound.layout, 0, uint64(len(data)))
	c.bytes(data)
}

// bytes appends data padded with zeros to whole words.
func (c *Commands) bytes(data []byte) {
	for len(data) >= 8 {
		c.words = append(c.words, binary.NativeEndian.Uint64(data))
		data = data[8:]
	}
	if len(data) > 0 {
		var last [8]byte
		copy(last[:], data)
		c.words = append(c.words, binary.NativeEndian.Uint64(last[:]))
	}
}

// Dispatch runs the bound pipeline with x·y·z workgroups. Zero runs nothing and is allowed.
func (c *Commands) Dispatch(x, y, z uint32) {
	if c.err != nil {
		return
	}
	if c.bound == nil {
		c.fail(invalid("record dispatch: no pipeline is bound"))
		return
	}
	m := &c.dev.info.Limits.MaxComputeWorkGroupCount
	if x > m[0] || y > m[1] || z > m[2] {
		c.fail(invalid("record dispatch of %q: got grid %d,%d,%d, want at most %d,%d,%d", c.bound.name, x, y, z, m[0], m[1], m[2]))
		return
	}
	c.stats.Dispatches++
	c.words = append(c.words, opDispatch, uint64(x), uint64(y), uint64(z))
}

// DispatchIndirect runs the bound pipeline with the three uint32 counts found at byte offset off of b.
func (c *Commands) DispatchIndirect(b *Buffer, off uint64) {
	if c.err != nil {
		return
	}
	if c.bound == nil {
		c.fail(invalid("record indirect dispatch: no pipeline is bound"))
		return
	}
	if !c.within("indirect dispatch", b, off, 12, 4) {
		return
	}
	c.stats.Dispatches++
	c.words = append(c.words, opDispatchIndirect, b.handle, off)
}

// BeginConditional leaves the dispatches up to EndConditional out when the device finds 0 in the uint32 at byte offset off of b, as it
// comes here (VK_EXT_conditional_rendering).
func (c *Commands) BeginConditional(b *Buffer, off uint64) {
	if c.err != nil || !c.within("condition", b, off, 4, 4) {
		return
	}
	if c.guarded || !c.dev.features.ConditionalRendering {
		c.fail(invalid("record condition: got one within another or a device without conditional rendering"))
		return
	}
	c.guarded = true
	c.words = append(c.words, opBeginConditional, b.handle, off)
}

// EndConditional ends what BeginConditional began.
func (c *Commands) EndConditional() {
	if c.err != nil {
		return
	}
	if !c.guarded {
		c.fail(invalid("record end of a condition: none has begun"))
		return
	}
	c.guarded = false
	c.words = append(c.words, opEndConditional)
}

// Barrier makes what the users in before wrote visible to the users in after, and orders after's writes behind them.
// It is one global memory barrier: on every driver measured the form of the barrier does not matter, only that it is there.
func (c *Commands) Barrier(before, after Sync) {
	if c.err != nil {
		return
	}
	if before == 0 || after == 0 {
		c.fail(invalid("record barrier: got before %#x after %#x, want at least one user each", uint32(before), uint32(after)))
		return
	}
	bs, ba := before.masks(false)
	as, aa := after.masks(true)
	c.stats.Barriers++
	c.words = append(c.words, opBarrier, bs<<32|ba, as<<32|aa)
}

// masks are the pipeline stages and accesses of a set of users. Reads need no availability, so they count only after.
func (s Sync) masks(reads bool) (stages, access uint64) {
	add := func(u Sync, stage, write, read uint64) {
		if s&u != 0 {
			stages |= stage
			access |= write
			if reads {
				access |= read
			}
		}
	}
	add(SyncCompute, 0x800, 0x40, 0x20)
	add(SyncTransfer, 0x1000, 0x1000, 0x800)
	add(SyncHost, 0x4000, 0x4000, 0x2000)
	add(SyncIndirect, 0x2, 0, 0x1)
	add(SyncPredicate, 0x40000, 0, 0x100000)
	return stages, access
}

// Copy copies n bytes from byte srcOff of src to byte dstOff of dst. The ranges must not overlap.
func (c *Commands) Copy(dst *Buffer, dstOff uint64, src *Buffer, srcOff, n uint64) {
	if c.err != nil || !c.within("copy source", src, srcOff, n, 1) || !c.within("copy destination", dst, dstOff, n, 1) {
		return
	}
	if dst.handle == src.handle && dstOff < srcOff+n && srcOff < dstOff+n {
		c.fail(invalid("record copy: got overlapping ranges %d and %d of %d B in one buffer", srcOff, dstOff, n))
		return
	}
	c.stats.Copies++
	c.words = append(c.words, opCopy, src.handle, srcOff, dst.handle, dstOff, n)
}

// Fill writes value over n bytes from byte off of b; both are multiples of 4.
func (c *Commands) Fill(b *Buffer, off, n uint64, value uint32) {
	if c.err != nil || !c.within("fill", b, off, n, 4) {
		return
	}
	c.stats.Copies++
	c.words = append(c.words, opFill, b.handle, off, n, uint64(value))
}

// Update writes data, at most 64 KiB and a multiple of 4 bytes, at byte off of b. The bytes are kept in the command buffer.
func (c *Commands) Update(b *Buffer, off uint64, data []byte) {
	if c.err != nil || !c.within("update", b, off, uint64(len(data)), 4) {
		return
	}
	if len(data) > maxUpdate {
		c.fail(invalid("record update: got %d B, want at most %d", len(data), maxUpdate))
		return
	}
	c.stats.Copies++
	c.words = append(c.words, opUpdate, b.handle, off, uint64(len(data)))
	c.bytes(data)
}

// within checks a range of a buffer of this device, and its alignment.
func (c *Commands) within(what string, b *Buffer, off, n, align uint64) bool {
	if b == nil || b.handle == 0 || b.dev != c.dev {
		c.fail(invalid("record %s: got a closed or foreign buffer", what))
		return false
	}
	if n == 0 || off > math.MaxUint64-n || off+n > b.size || off%align != 0 || n%align != 0 {
		c.fail(invalid("record %s: got bytes %d to %d, want a non-empty range of %d B aligned to %d", what, off, off+n, b.size, align))
		return false
	}
	return true
}

// Timestamp writes the device's clock into query i of q when all earlier commands are complete.
func (c *Commands) Timestamp(q *QueryPool, i uint32) {
	if c.err == nil && c.queries("timestamp", q, i, 1) {
		c.words = append(c.words, opTimestamp, q.handle, uint64(i))
	}
}

// ResetQueries makes n queries from first writable again; a query must be reset before it is written.
func (c *Commands) ResetQueries(q *QueryPool, first, n uint32) {
	if c.err == nil && c.queries("query reset", q, first, n) {
		c.words = append(c.words, opResetQueries, q.handle, uint64(first), uint64(n))
	}
}

func (c *Commands) queries(what string, q *QueryPool, first, n uint32) bool {
	if q == nil || q.handle == 0 || q.dev != c.dev {
		c.fail(invalid("record %s: got a closed or foreign query pool", what))
		return false
	}
	if n == 0 || uint64(first)+uint64(n) > uint64(q.n) {
		c.fail(invalid("record %s: got queries %d to %d, want within %d", what, first, uint64(first)+uint64(n), q.n))
		return false
	}
	return true
}

// BeginLabel opens a named region, seen by debuggers and validation messages. Without the debug extension it costs nothing.
func (c *Commands) BeginLabel(name string) {
	if c.err != nil {
		return
	}
	if len(name) > 255 {
		name = name[:255]
	}
	c.labels++
	c.words = append(c.words, opBeginLabel, uint64(len(name)+1))
	c.bytes(append([]byte(name), 0))
}

// EndLabel closes the innermost region.
func (c *Commands) EndLabel() {
	if c.err != nil {
		return
	}
	if c.labels == 0 {
		c.fail(invalid("record end of label: no label is open"))
		return
	}
	c.labels--
	c.words = append(c.words, opEndLabel)
}
