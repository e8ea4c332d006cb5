package memory

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/gpu/vk"
)

const (
	gib8 = 8 << 30
	dl   = vk.DeviceLocal
	hv   = vk.HostVisible | vk.HostCoherent
	hc   = vk.HostCached
)

func TestChoose(t *testing.T) {
	heap := func(size uint64, local bool) vk.Heap { return vk.Heap{Size: size, DeviceLocal: local} }
	cases := []struct {
		name  string
		kind  vk.DeviceType
		heaps []vk.Heap
		types []vk.MemoryType
		want  [numPurposes]int // first choice: Weights, State, Scratch, Step, Upload, Readback
	}{
		{"discrete, small window (layout of NVIDIA's driver)", vk.TypeDiscrete,
			[]vk.Heap{heap(gib8, true), heap(2*gib8, false), heap(246<<20, true)},
			[]vk.MemoryType{{Heap: 1}, {Heap: 0, Flags: dl}, {Heap: 1, Flags: hv}, {Heap: 1, Flags: hv | hc}, {Heap: 2, Flags: dl | hv}},
			[numPurposes]int{1, 1, 1, 4, 2, 3}},
		{"discrete, ReBAR (layout of RADV)", vk.TypeDiscrete,
			[]vk.Heap{heap(2*gib8, false), heap(gib8, true)},
			[]vk.MemoryType{{Heap: 1, Flags: dl}, {Heap: 0, Flags: hv}, {Heap: 1, Flags: dl | hv}, {Heap: 0, Flags: hv | hc}, {Heap: 1, Flags: dl | hv | vk.DeviceCoherentAMD}},
			[numPurposes]int{2, 0, 0, 2, 1, 3}},
		{"discrete, window in one type only", vk.TypeDiscrete,
			[]vk.Heap{heap(gib8, true), heap(gib8, false)},
			[]vk.MemoryType{{Heap: 0, Flags: dl}, {Heap: 1, Flags: hv | hc}},
			[numPurposes]int{0, 0, 0, 1, 1, 1}},
		{"integrated, one heap (layout of ANV)", vk.TypeIntegrated,
			[]vk.Heap{heap(gib8, true)},
			[]vk.MemoryType{{Heap: 0, Flags: dl}, {Heap: 0, Flags: dl | hv}, {Heap: 0, Flags: dl | hv | hc}},
			[numPurposes]int{1, 2, 1, 1, 1, 2}},
		{"integrated, carve-out (layout of RADV)", vk.TypeIntegrated,
			[]vk.Heap{heap(gib8, false), heap(512<<20, true)},
			[]vk.MemoryType{{Heap: 1, Flags: dl}, {Heap: 0, Flags: hv}, {Heap: 1, Flags: dl | hv}, {Heap: 0, Flags: hv | hc}},
			[numPurposes]int{2, 2, 2, 2, 1, 3}},
		{"software", vk.TypeCPU, []vk.Heap{heap(gib8, true)}, []vk.MemoryType{{Heap: 0, Flags: dl | hv | hc}}, [numPurposes]int{}},
	}
	for _, c := range cases {
		info := &vk.PhysicalInfo{Type: c.kind, Heaps: c.heaps, MemoryTypes: c.types}
		for p := range numPurposes {
			got := choose(info, p, ^uint32(0))
			if assert.NotEmpty(t, got, "%s %s", c.name, p) {
				assert.Equal(t, c.want[p], got[0], "%s %s: %v", c.name, p, got)
			}
			for _, k := range got {
				f := c.types[k].Flags
				assert.Zero(t, f&never)
				if p >= Step {
					assert.Equal(t, hostAccess, f&hostAccess, "%s %s", c.name, p)
				} else if c.kind == vk.TypeDiscrete {
					assert.NotZero(t, f&dl, "%s %s never over the bus", c.name, p)
					assert.Greater(t, c.heaps[c.types[k].Heap].Size, uint64(1<<30), "%s %s: not the window", c.name, p)
				}
			}
			assert.Empty(t, choose(info, p, 0))
		}
	}
	// A full carve-out goes on in the large heap.
	carve := cases[4]
	got := choose(&vk.PhysicalInfo{Type: carve.kind, Heaps: carve.heaps, MemoryTypes: carve.types}, Weights, ^uint32(0))
	heaps := map[int]bool{}
	for _, k := range got {
		heaps[carve.types[k].Heap] = true
	}
	assert.Len(t, heaps, 2)
}
