package memory

import (
	"fmt"
	"slices"

	"tuff/gpu/vk"
)

// Purpose is what a buffer is for. It decides where the buffer lies.
type Purpose uint8

// The purposes.
const (
	// Weights are written once and read by every run.
	Weights Purpose = iota
	// State lives across runs and is read and written by the device: the KV cache.
	State
	// Scratch lives within a run.
	Scratch
	// Step is small, written by the host before each run and read by every kernel of it.
	Step
	// Upload is written by the host and copied from by the device.
	Upload
	// Readback is written by the device and read by the host.
	Readback
	numPurposes
)

func (p Purpose) String() string {
	if p >= numPurposes {
		return fmt.Sprintf("purpose %d", uint8(p))
	}
	return [...]string{"Weights", "State", "Scratch", "Step", "Upload", "Readback"}[p]
}

const hostAccess = vk.HostVisible | vk.HostCoherent

// never are properties that we do not want at any price: memory that shaders cannot use, and AMD's types that bypass every
// cache so that debuggers see the truth.
const never = vk.LazilyAllocated | vk.Protected | vk.DeviceCoherentAMD | vk.DeviceUncachedAMD

// choose lists the memory types for a purpose, best first; later ones are for when an earlier one's heap is full. allowed has
// bit i set where buffers may use type i. The list is empty only on devices that break the specification.
//
// What kinds of device look like, and what follows:
//   - Integrated, one heap (Intel, Apple, lavapipe): every type is device-local; take the host visible one, so that nothing is
//     staged and nothing is held twice.
//   - Integrated with a carve-out (AMD): a small device-local heap and a large one in system memory, both the same DRAM.
//     Device-local first, then the large heap, which costs next to nothing.
//   - Discrete: device-local heaps only for what kernels read; over the bus it would be tens of times slower, and the caller
//     must hear of it instead. With the whole memory behind the bus window (ReBAR) the host writes weights straight into it;
//     with the usual 256 MiB window that memory is left for the step buffer.
func choose(info *vk.PhysicalInfo, p Purpose, allowed uint32) []int {
	shared := info.Type == vk.TypeIntegrated || info.Type == vk.TypeCPU
	var largest uint64
	for _, h := range info.Heaps {
		if h.DeviceLocal {
			largest = max(largest, h.Size)
		}
	}
	type candidate struct{ typ, score int }
	var list []candidate
	for t, mt := range info.MemoryTypes {
		if allowed>>t&1 == 0 || mt.Flags&never != 0 || mt.Heap >= len(info.Heaps) {
			continue
		}
		local := mt.Flags&vk.DeviceLocal != 0
		host := mt.Flags&hostAccess == hostAccess
		cached := mt.Flags&vk.HostCached != 0
		window := host && local && info.Heaps[mt.Heap].Size < largest/2 // a bus window over a part of the device's memory
		score := 0
		add := func(ok bool, n int) {
			if ok {
				score += n
			}
		}
		switch p {
		case Weights, State, Scratch:
			if !local && !shared {
				continue
			}
			if window && !shared {
				continue // 256 MiB for everyone on the machine
			}
			add(local, 8)
			switch {
			case shared:
				add(host, 4)
				// State is saved and restored by the host, which reads uncached memory at some 100 MB/s.
				add(cached == (p == State), 1)
			case p == Weights:
				add(host, 4) // ReBAR: written directly
			default:
				add(!host, 4) // the host has no business there
			}
		case Step:
			// Read by every kernel: worth the window. Falls back to system memory, read over the bus and cached on the device.
			if !host {
				continue
			}
			add(local, 8)
			add(!cached, 2) // write-combined: the host only writes
		case Upload:
			if !host {
				continue
			}
			add(!local || shared, 8) // the device's copy engine fetches it; device memory is not spent on it
			add(!cached, 2)
		case Readback:
			if !host {
				continue
			}
			add(cached, 8) // uncached reads are tens of times slower
			add(!local || shared, 4)
		}
		list = append(list, candidate{t, score})
	}
	// Drivers list better types first among equals; so the order must be kept.
	slices.SortStableFunc(list, func(a, b candidate) int { return b.score - a.score })
	types := make([]int, len(list))
	for i, c := range list {
		types[i] = c.typ
	}
	return types
}
