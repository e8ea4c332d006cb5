package emulator

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
)

// Memory is the address space of a machine. Each mapping has four gibibytes of addresses for itself, so that what runs over its end meets
// nothing.
type Memory struct {
	mu   sync.Mutex
	free []int                      // mappings that ended, the oldest first
	list atomic.Pointer[[]*mapping] // by the high half of the address; never changed, only replaced
}

// mapping is memory that addresses reach.
type mapping struct {
	bytes  []byte
	shadow shadow
}

// The largest mapping, in bytes, and the most at a time: each change copies the list.
const (
	maxMapping  = 1 << 32
	maxMappings = 1 << 13
)

// Map makes bytes reachable and answers their address. The memory stays the caller's.
func (m *Memory) Map(b []byte) (uint64, error) {
	if len(b) == 0 || uint64(len(b)) > maxMapping {
		return 0, fmt.Errorf("emulator: map memory: got %d B, want 1 to %d", len(b), uint64(maxMapping))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*mapping
	if old := m.list.Load(); old != nil {
		list = append(list, *old...)
	}
	if len(list) == 0 {
		list = append(list, nil) // address 0 is nobody's
	}
	i := len(list)
	switch {
	case i < maxMappings:
		list = append(list, nil)
	case len(m.free) > 0:
		i, m.free = m.free[0], m.free[1:]
	default:
		return 0, fmt.Errorf("emulator: map memory: got %d mappings at a time, want at most %d", i, maxMappings)
	}
	list[i] = &mapping{bytes: b}
	m.list.Store(&list)
	return uint64(i) << 32, nil
}

// Unmap ends a mapping. Its addresses are given again only when there are no others.
func (m *Memory) Unmap(address uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.list.Load()
	if i := address >> 32; old != nil && i < uint64(len(*old)) {
		list := append([]*mapping(nil), *old...)
		if list[i] != nil {
			list[i], m.free = nil, append(m.free, int(i))
		}
		m.list.Store(&list)
	}
}

// at finds n bytes behind an address, and the mapping.
func at(list []*mapping, address, n uint64) (*mapping, []byte) {
	i, off := address>>32, address&(1<<32-1)
	if i >= uint64(len(list)) || list[i] == nil {
		panic(wrong("address %#x belongs to no buffer", address))
	}
	m := list[i]
	if off+n > uint64(len(m.bytes)) {
		panic(wrong("address %#x is byte %d of a buffer of %d", address, off, len(m.bytes)))
	}
	return m, m.bytes[off : off+n]
}

// get and put read and write a number of so many bits.
func get(b []byte, bits uint32) uint64 {
	switch bits {
	case 8:
		return uint64(b[0])
	case 16:
		return uint64(binary.LittleEndian.Uint16(b))
	case 32:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func put(b []byte, v uint64, bits uint32) {
	switch bits {
	case 8:
		b[0] = byte(v)
	case 16:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 32:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
