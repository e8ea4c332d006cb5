package vk

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tuff/gpu/emulator"
)

// An emulated device runs everything in Go, as package emulator does, behind the same interfaces as a driver. It has the subgroups, matrices
// and limits of a kind of GPU, so that the kernels that are chosen there run here, without any Vulkan on the machine. It is slow, and it
// checks what no driver checks; a kernel that does wrong loses the device, and the error says where and what.

// emulated is the loader of emulated devices: one instance has one device.
type emulated struct{ kind *emulatedKind }

// EmulatedKinds are the names that Options.Emulate knows.
func EmulatedKinds() []string {
	var names []string
	for i := range emulatedKinds {
		names = append(names, emulatedKinds[i].name)
	}
	return names
}

// newEmulated finds a kind of device by its name.
func newEmulated(name string) (driver, error) {
	i := slices.IndexFunc(emulatedKinds, func(k emulatedKind) bool { return k.name == name })
	if i < 0 {
		return nil, invalid("emulate a device: got %q, want one of %s", name, strings.Join(EmulatedKinds(), ", "))
	}
	return emulated{&emulatedKinds[i]}, nil
}

func (e emulated) createInstance(string, bool) (instanceDriver, Result) {
	return &emulatedInstance{kind: e.kind}, Success
}

// emulatedInstance describes the device.
type emulatedInstance struct {
	kind *emulatedKind
	mu   sync.Mutex
	said []string
}

func (in *emulatedInstance) physicalDevices() ([]uint64, Result) { return []uint64{1}, Success }
func (in *emulatedInstance) apiVersion(uint64) Version           { return in.kind.api }
func (in *emulatedInstance) destroy()                            {}

func (in *emulatedInstance) messages() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	m := in.said
	in.said = nil
	return m
}

// extensions are those that the kind's features need.
func (in *emulatedInstance) extensions(uint64) ([]string, Result) {
	var list []string
	for i := range featureGroups {
		g := &featureGroups[i]
		e := g.needs(in.kind.api)
		for _, b := range g.bits {
			if e != "" && b != nil && *b(&in.kind.features) && !slices.Contains(list, e) {
				list = append(list, e)
			}
		}
	}
	return list, Success
}

func (in *emulatedInstance) properties(uint64, propertyFlags) rawProperties {
	k := in.kind
	p := rawProperties{
		api: uint32(k.api), driverVersion: 1, vendor: k.vendor, deviceType: uint32(k.kind), name: "emulated " + k.title,
		driverName: "tuff's emulator", limits: k.limits(),
		subgroup: k.subgroup, subgroupMin: k.subgroupMin, subgroupMax: k.subgroupMax, workgroupSubgroups: k.invocations / k.subgroupMin,
		emulated: true, flexibleMax: k.flexibleMost, subgroupStages: 0x20, subgroupOps: uint32(k.subgroupOps), requiredStages: 0x20,
	}
	if !k.features.SubgroupSizeControl {
		p.requiredStages = 0
	}
	copy(p.deviceUUID[:], k.name)
	copy(p.cacheUUID[:], k.name)
	if k.fastDot {
		p.dot[3], p.dot[4], p.dot[5], p.dot[19] = true, true, true, true
	}
	return p
}

func (in *emulatedInstance) features(_ uint64, groups []chain) {
	for _, c := range groups {
		for i := range featureGroups {
			g := &featureGroups[i]
			if g.sType != c.sType {
				continue
			}
			for j, b := range g.bits {
				if b != nil && *b(&in.kind.features) {
					c.bits[j] = 1
				}
			}
		}
	}
}

func (in *emulatedInstance) memory(uint64, bool) ([]Heap, []MemoryType) {
	if in.kind.kind == TypeIntegrated {
		return []Heap{{Size: 4 << 30, DeviceLocal: true}}, []MemoryType{{0, DeviceLocal}, {0, DeviceLocal | HostVisible | HostCoherent | HostCached}}
	}
	return []Heap{{Size: 4 << 30, DeviceLocal: true}, {Size: 4 << 30}, {Size: 256 << 20, DeviceLocal: true}},
		[]MemoryType{{0, DeviceLocal}, {1, HostVisible | HostCoherent}, {1, HostVisible | HostCoherent | HostCached}, {2, DeviceLocal | HostVisible | HostCoherent}}
}

func (in *emulatedInstance) queueFamilies(uint64) []QueueFamily {
	return []QueueFamily{{Compute: true, Graphics: true, Transfer: true, Count: 1, TimestampValidBits: 64}}
}

func (in *emulatedInstance) cooperativeMatrices(uint64) ([]CooperativeMatrix, Result) {
	return in.kind.matrices, Success
}

func (in *emulatedInstance) flexibleMatrices(uint64) ([]FlexibleMatrix, Result) {
	return in.kind.flexible, Success
}

func (in *emulatedInstance) timeDomains(uint64) ([]uint32, Result) {
	return []uint32{domainDevice, domainMonotonic}, Success
}

func (in *emulatedInstance) createDevice(_ uint64, _ int, extensions []string, _ []chain) (deviceDriver, Result) {
	have, _ := in.extensions(0)
	for _, e := range extensions {
		if !slices.Contains(have, e) {
			return nil, ErrorExtensionNotPresent
		}
	}
	d := &emulatedDevice{in: in, objects: map[uint64]any{}, machine: &emulator.Machine{}}
	d.changed = sync.NewCond(&d.mu)
	return d, Success
}

// say keeps a message.
func (in *emulatedInstance) say(format string, args ...any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.said) < 64 {
		in.said = append(in.said, fmt.Sprintf(format, args...))
	}
}

// emulatedClock is the device's clock and the host's, in ns.
var emulatedClock = func() func() uint64 {
	start := time.Now()
	return func() uint64 { return uint64(time.Since(start)) + 1 }
}()
