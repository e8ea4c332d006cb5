package vk

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Options of Open.
type Options struct {
	AppName string // shown by tools; may be empty
	// Validation loads VK_LAYER_KHRONOS_validation, and its messages are kept for Messages. A machine without the layer
	// answers an error that is ErrUnsupported.
	Validation bool
	// Emulate opens no loader but a device that is emulated in Go: one of EmulatedKinds.
	Emulate string
	// Hooks counts calls and handles and injects failures. Nil means new ones.
	Hooks *Hooks
}

// Instance is an open connection to the machine's Vulkan drivers. Safe for use by several goroutines.
type Instance struct {
	drv   instanceDriver
	hooks *Hooks

	mu      sync.Mutex
	devices int // open devices: they must go first
	closed  bool
}

// maxDevices bounds what a loader may report.
const maxDevices = 64

// Open opens the loader and makes an instance. The error is ErrNoCgo, ErrNoLoader or ErrNoDriver where there is no Vulkan.
func Open(o Options) (*Instance, error) {
	if o.Hooks == nil {
		o.Hooks = &Hooks{}
	}
	open := newDriver
	if o.Emulate != "" {
		open = func() (driver, error) { return newEmulated(o.Emulate) }
	}
	d, err := open()
	if err != nil {
		return nil, fmt.Errorf("vk: open: %w", err)
	}
	if o.AppName == "" {
		o.AppName = "tuff"
	}
	var in instanceDriver
	r := o.Hooks.run(callCreateInstance, func() (r Result) { in, r = d.createInstance(o.AppName, o.Validation); return r })
	switch r {
	case Success:
	case ErrorIncompatibleDriver:
		return nil, fmt.Errorf("%w: %w", failed(callCreateInstance, r, "open"), ErrNoDriver)
	default:
		return nil, failed(callCreateInstance, r, "open")
	}
	o.Hooks.born(objInstance)
	return &Instance{drv: in, hooks: o.Hooks}, nil
}

// Hooks are the instance's counters.
func (in *Instance) Hooks() *Hooks { return in.hooks }

// Messages returns and forgets what the validation layer said so far: at most 64 messages, then a line that counts the rest.
func (in *Instance) Messages() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil
	}
	return in.drv.messages()
}

// Close gives the instance back. Devices must be closed first.
func (in *Instance) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil
	}
	if in.devices > 0 {
		return invalid("close instance: got %d open devices, want 0", in.devices)
	}
	in.closed = true
	in.drv.destroy()
	in.hooks.gone(objInstance)
	return nil
}

// PhysicalDevices describes the devices in the loader's order. None at all is ErrNoDevice. A device older than Vulkan 1.1
// is described by name only and cannot be opened.
func (in *Instance) PhysicalDevices() ([]PhysicalInfo, error) {
	var handles []uint64
	r := in.hooks.run(callEnumeratePhysicalDevices, func() (r Result) { handles, r = in.drv.physicalDevices(); return r })
	if r == ErrorInitializationFailed {
		// The loader found a driver, and the driver found no hardware.
		return nil, fmt.Errorf("%w: %w", failed(callEnumeratePhysicalDevices, r, "list devices"), ErrNoDevice)
	}
	if r != Success && r != Incomplete {
		return nil, failed(callEnumeratePhysicalDevices, r, "list devices")
	}
	if len(handles) == 0 {
		return nil, fmt.Errorf("vk: list devices: %w", ErrNoDevice)
	}
	if len(handles) > maxDevices {
		handles = handles[:maxDevices]
	}
	infos := make([]PhysicalInfo, 0, len(handles))
	var firstErr error
	for i, h := range handles {
		p, err := in.describe(h)
		if err != nil {
			// One broken driver must not hide the others.
			firstErr = errors.Join(firstErr, err)
			continue
		}
		p.Index = i
		infos = append(infos, p)
	}
	if len(infos) == 0 {
		return nil, firstErr
	}
	return infos, nil
}

// describe asks everything there is to know about a device, giving each structure only to drivers that know it.
func (in *Instance) describe(h uint64) (PhysicalInfo, error) {
	var exts []string
	r := in.hooks.run(callEnumerateDeviceExtensionProperties, func() (r Result) { exts, r = in.drv.extensions(h); return r })
	if r != Success && r != Incomplete {
		return PhysicalInfo{}, failed(callEnumerateDeviceExtensionProperties, r, "list device extensions")
	}
	slices.Sort(exts)
	has := make(map[string]bool, len(exts))
	for _, e := range exts {
		has[e] = true
	}
	api := in.drv.apiVersion(h)
	known := func(ext string, major, minor uint32) bool { return has[ext] || api.atLeast(major, minor) }
	var which propertyFlags
	set := func(f propertyFlags, ok bool) {
		if ok {
			which |= f
		}
	}
	set(propDriver, known("VK_KHR_driver_properties", 1, 2))
	set(propSubgroupSize, known("VK_EXT_subgroup_size_control", 1, 3))
	set(propMaintenance4, known("VK_KHR_maintenance4", 1, 3))
	set(propDot, known("VK_KHR_shader_integer_dot_product", 1, 3))
	set(propHostMemory, has["VK_EXT_external_memory_host"])
	set(propMatrix2, has["VK_NV_cooperative_matrix2"])
	raw := in.drv.properties(h, which)

	p := PhysicalInfo{
		Name: raw.name, DriverName: raw.driverName, DriverInfo: raw.driverInfo, DriverID: raw.driverID,
		DriverVersion: raw.driverVersion, VendorID: raw.vendor, DeviceID: raw.device, Type: DeviceType(raw.deviceType), Emulated: raw.emulated,
		APIVersion: Version(raw.api), DeviceUUID: raw.deviceUUID, DriverUUID: raw.driverUUID, PipelineCacheUUID: raw.cacheUUID,
		Limits: raw.limits, MaxFlexibleDimension: raw.flexibleMax, Extensions: exts, handle: h, family: -1,
	}
	const computeStage = 0x20
	p.Subgroup = Subgroup{Size: raw.subgroup, Min: raw.subgroup, Max: raw.subgroup, Operations: SubgroupOps(raw.subgroupOps),
		InCompute: raw.subgroupStages&computeStage != 0}
	if which&propSubgroupSize != 0 && raw.subgroupMin > 0 && raw.subgroupMax >= raw.subgroupMin {
		p.Subgroup.Min, p.Subgroup.Max, p.Subgroup.MaxPerWorkgroup = raw.subgroupMin, raw.subgroupMax, raw.workgroupSubgroups
		p.Subgroup.RequiredInCompute = raw.requiredStages&computeStage != 0
	}
	if p.Limits.MaxMemoryAllocationSize == 0 {
		p.Limits.MaxMemoryAllocationSize = 1 << 30 // the least that maintenance3 promises
	}
	if p.Limits.MaxBufferSize == 0 {
		// Before maintenance4 nothing tells; the allocation bound is what drivers of that time used.
		p.Limits.MaxBufferSize = p.Limits.MaxMemoryAllocationSize
	}
	// Order of VkPhysicalDeviceShaderIntegerDotProductProperties.
	p.DotProduct = DotProduct{Packed4x8Unsigned: raw.dot[3], Packed4x8Signed: raw.dot[4], Packed4x8Mixed: raw.dot[5],
		AccumulateSigned: raw.dot[19]}
	p.MemoryBudget = has["VK_EXT_memory_budget"]
	p.Heaps, p.MemoryTypes = in.drv.memory(h, p.MemoryBudget)
	p.QueueFamilies = in.drv.queueFamilies(h)
	p.family = pickFamily(p.QueueFamilies)
	if p.family >= 0 {
		p.Limits.TimestampValidBits = p.QueueFamilies[p.family].TimestampValidBits
	}
	if !api.atLeast(1, 1) {
		return p, nil
	}
	in.queryFeatures(&p, has)

	if p.Features.CooperativeMatrix {
		r := in.hooks.run(callGetCooperativeMatrixProperties, func() (r Result) {
			p.CooperativeMatrices, r = in.drv.cooperativeMatrices(h)
			return r
		})
		if r != Success && r != Incomplete {
			return PhysicalInfo{}, failed(callGetCooperativeMatrixProperties, r, "list matrix shapes of %q", p.Name)
		}
	}
	if p.Features.CooperativeMatrixFlexibleDimensions {
		r := in.hooks.run(callGetFlexibleMatrixProperties, func() (r Result) {
			p.FlexibleMatrices, r = in.drv.flexibleMatrices(h)
			return r
		})
		if r != Success && r != Incomplete {
			return PhysicalInfo{}, failed(callGetFlexibleMatrixProperties, r, "list flexible matrix shapes of %q", p.Name)
		}
	}
	if p.Features.CalibratedTimestamps {
		r := in.hooks.run(callGetTimeDomains, func() (r Result) { p.timeDomains, r = in.drv.timeDomains(h); return r })
		if r != Success && r != Incomplete {
			return PhysicalInfo{}, failed(callGetTimeDomains, r, "list time domains of %q", p.Name)
		}
		p.Features.CalibratedTimestamps = hostDomain(p.timeDomains) >= 0 && slices.Contains(p.timeDomains, domainDevice)
	}
	return p, nil
}

func (in *Instance) queryFeatures(p *PhysicalInfo, has map[string]bool) {
	var chains []chain
	var groups []*featureGroup
	for i := range featureGroups {
		g := &featureGroups[i]
		if !g.present(p.APIVersion, has) {
			continue
		}
		if g.sType == 0 {
			for _, b := range g.bits {
				*b(&p.Features) = true
			}
			continue
		}
		chains = append(chains, chain{g.sType, make([]uint32, len(g.bits))})
		groups = append(groups, g)
	}
	in.drv.features(p.handle, chains)
	for i, g := range groups {
		for j, b := range g.bits {
			if b != nil {
				*b(&p.Features) = chains[i].bits[j] != 0
			}
		}
	}
}

// Budgets asks the heaps again: their budgets and usage change while programs run.
func (in *Instance) Budgets(p *PhysicalInfo) []Heap {
	heaps, _ := in.drv.memory(p.handle, p.MemoryBudget)
	return heaps
}
