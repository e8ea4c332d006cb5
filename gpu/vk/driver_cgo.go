//go:build cgo && !novulkan

package vk

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "vkx.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"
)

// Both sides of the op stream and of the flags agree, or this does not compile: a difference is a negative array length.
var (
	_ [0]struct{} = [opBind - C.VKX_OP_BIND]struct{}{}
	_ [0]struct{} = [opPush - C.VKX_OP_PUSH]struct{}{}
	_ [0]struct{} = [opDispatch - C.VKX_OP_DISPATCH]struct{}{}
	_ [0]struct{} = [opDispatchIndirect - C.VKX_OP_DISPATCH_INDIRECT]struct{}{}
	_ [0]struct{} = [opBarrier - C.VKX_OP_BARRIER]struct{}{}
	_ [0]struct{} = [opCopy - C.VKX_OP_COPY]struct{}{}
	_ [0]struct{} = [opFill - C.VKX_OP_FILL]struct{}{}
	_ [0]struct{} = [opUpdate - C.VKX_OP_UPDATE]struct{}{}
	_ [0]struct{} = [opTimestamp - C.VKX_OP_TIMESTAMP]struct{}{}
	_ [0]struct{} = [opResetQueries - C.VKX_OP_RESET_QUERIES]struct{}{}
	_ [0]struct{} = [opBeginLabel - C.VKX_OP_BEGIN_LABEL]struct{}{}
	_ [0]struct{} = [opEndLabel - C.VKX_OP_END_LABEL]struct{}{}
	_ [0]struct{} = [opBeginConditional - C.VKX_OP_BEGIN_CONDITIONAL]struct{}{}
	_ [0]struct{} = [opEndConditional - C.VKX_OP_END_CONDITIONAL]struct{}{}
	_ [0]struct{} = [propDriver - C.VKX_PROP_DRIVER]struct{}{}
	_ [0]struct{} = [propSubgroupSize - C.VKX_PROP_SUBGROUP_SIZE]struct{}{}
	_ [0]struct{} = [propMaintenance4 - C.VKX_PROP_MAINTENANCE4]struct{}{}
	_ [0]struct{} = [propDot - C.VKX_PROP_DOT]struct{}{}
	_ [0]struct{} = [propHostMemory - C.VKX_PROP_HOST_MEMORY]struct{}{}
	_ [0]struct{} = [propMatrix2 - C.VKX_PROP_MATRIX2]struct{}{}
	_ [0]struct{} = [errorEntryPointMissing - C.VKX_MISSING]struct{}{}
	_ [0]struct{} = [errorStreamMalformed - C.VKX_MALFORMED]struct{}{}
)

// loader is process-wide, as the binding's function table is.
var loader struct {
	sync.Mutex
	ready    bool // loaded, and the binding knows
	instance bool // the binding's instance functions are loaded
}

type cgoDriver struct{}

func newDriver() (driver, error) {
	loader.Lock()
	defer loader.Unlock()
	if loader.ready {
		return cgoDriver{}, nil
	}
	why := (*C.char)(C.calloc(256, 1))
	defer C.free(unsafe.Pointer(why))
	p := C.vkx_load(why)
	if p == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoLoader, C.GoString(why))
	}
	if err := bindingInit(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoLoader, err)
	}
	loader.ready = true
	return cgoDriver{}, nil
}

func hasExtension(name string) bool {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.vkx_has_extension(c) != 0
}

func (cgoDriver) createInstance(app string, validation bool) (instanceDriver, Result) {
	loader.Lock()
	defer loader.Unlock()
	// What the engine knows is Vulkan 1.3. A newer device serves it all the same; an older loader is told its own version,
	// since 1.0 loaders refuse others.
	api := min(uint32(MakeVersion(1, 3, 0)), uint32(C.vkx_instance_version()))
	if !Version(api).atLeast(1, 1) {
		return nil, ErrorIncompatibleDriver
	}
	var layers, extensions []string
	if validation {
		layers = append(layers, "VK_LAYER_KHRONOS_validation\x00")
		extensions = append(extensions, "VK_EXT_debug_utils\x00")
	}
	var flags uint32
	if hasExtension("VK_KHR_portability_enumeration") {
		// Without this, drivers on top of another API (MoltenVK) are hidden.
		extensions = append(extensions, "VK_KHR_portability_enumeration\x00")
		flags = 1
	}
	app = strings.ReplaceAll(app, "\x00", "")
	h, r := bindingCreateInstance(app, layers, extensions, flags, api)
	if r != Success {
		return nil, r
	}
	if !loader.instance {
		if err := bindingInitInstance(h); err != nil {
			// The binding has no function to destroy it with: a loader this broken leaks one instance.
			return nil, ErrorInitializationFailed
		}
		loader.instance = true
	}
	c := C.vkx_instance_new(C.uint64_t(h), C.int(btoi(validation)))
	if c == nil {
		bindingDestroyInstance(h)
		return nil, errorEntryPointMissing
	}
	return &cgoInstance{c, h}, Success
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sliceOf copies a C array to Go and frees it.
func sliceOf[C, G any](p *C, n int, free func(unsafe.Pointer), f func(*C) G) []G {
	if p == nil {
		return nil
	}
	out := make([]G, n)
	for i, c := range unsafe.Slice(p, n) {
		out[i] = f(&c)
	}
	free(unsafe.Pointer(p))
	return out
}

func cfree(p unsafe.Pointer) { C.free(p) }

type cgoInstance struct {
	c      *C.vkx_instance
	handle uint64
}

func (in *cgoInstance) destroy() {
	C.vkx_instance_free(in.c)
	bindingDestroyInstance(in.handle)
	in.c = nil
}

func (in *cgoInstance) physicalDevices() ([]uint64, Result) {
	var p *C.uint64_t
	var n C.uint32_t
	r := C.vkx_physical_devices(in.c, &p, &n)
	return sliceOf(p, int(n), cfree, func(h *C.uint64_t) uint64 { return uint64(*h) }), Result(r)
}

func (in *cgoInstance) apiVersion(pd uint64) Version {
	return Version(C.vkx_api_version(in.c, C.uint64_t(pd)))
}

func (in *cgoInstance) extensions(pd uint64) ([]string, Result) {
	var p *[256]C.char
	var n C.uint32_t
	r := C.vkx_extensions(in.c, C.uint64_t(pd), &p, &n)
	return sliceOf(p, int(n), cfree, func(s *[256]C.char) string { return cstring(s[:]) }), Result(r)
}

// cstring reads a nul-terminated name from a fixed array, which a bad driver may have filled to the end.
func cstring(s []C.char) string {
	var b strings.Builder
	for _, c := range s {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return strings.ToValidUTF8(b.String(), "?")
}

func (in *cgoInstance) properties(pd uint64, which propertyFlags) rawProperties {
	var p C.vkx_properties
	C.vkx_get_properties(in.c, C.uint64_t(pd), C.uint32_t(which), &p)
	uuid := func(u [16]C.uint8_t) (out [16]byte) {
		for i := range u {
			out[i] = byte(u[i])
		}
		return out
	}
	triple := func(v [3]C.uint32_t) [3]uint32 { return [3]uint32{uint32(v[0]), uint32(v[1]), uint32(v[2])} }
	raw := rawProperties{
		api: uint32(p.api), driverVersion: uint32(p.driverVersion), vendor: uint32(p.vendor), device: uint32(p.device),
		deviceType: uint32(p._type), driverID: uint32(p.driverID),
		name: cstring(p.name[:]), driverName: cstring(p.driverName[:]), driverInfo: cstring(p.driverInfo[:]),
		cacheUUID: uuid(p.cacheUUID), deviceUUID: uuid(p.deviceUUID), driverUUID: uuid(p.driverUUID),
		limits: Limits{
			MaxComputeSharedMemorySize: uint32(p.shared), MaxComputeWorkGroupInvocations: uint32(p.invocations),
			MaxComputeWorkGroupSize: triple(p.groupSize), MaxComputeWorkGroupCount: triple(p.groupCount),
			MaxPushConstantsSize: uint32(p.push), MaxStorageBufferRange: uint32(p.storageRange),
			MaxMemoryAllocationCount: uint32(p.allocations), MaxMemoryAllocationSize: uint64(p.allocationSize),
			MaxBufferSize: uint64(p.bufferSize), BufferImageGranularity: uint64(p.granularity),
			MinStorageBufferOffsetAlignment: uint64(p.storageAlign), NonCoherentAtomSize: uint64(p.atom),
			MinImportedHostPointerAlignment: uint64(p.hostAlign), TimestampPeriod: float32(p.period),
			OptimalBufferCopyOffsetAlignment: uint64(p.copyAlign),
		},
		subgroup: uint32(p.subgroup), subgroupMin: uint32(p.subgroupMin), subgroupMax: uint32(p.subgroupMax), workgroupSubgroups: uint32(p.workgroupSubgroups),
		subgroupStages: uint32(p.subgroupStages), subgroupOps: uint32(p.subgroupOps), requiredStages: uint32(p.requiredStages),
		flexibleMax: uint32(p.flexibleMax),
	}
	for i, d := range p.dot {
		raw.dot[i] = d != 0
	}
	return raw
}

// flat lays feature structures out for C: types, lengths and all bits in a row, each slice at least one long.
func flat(groups []chain) (types, counts, bits []uint32) {
	for _, g := range groups {
		types = append(types, g.sType)
		counts = append(counts, uint32(len(g.bits)))
		bits = append(bits, g.bits...)
	}
	if len(groups) == 0 {
		return make([]uint32, 1), make([]uint32, 1), make([]uint32, 1)
	}
	return types, counts, bits
}

func u32(s []uint32) *C.uint32_t { return (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(s))) }
func u64(s []uint64) *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(s))) }

func (in *cgoInstance) features(pd uint64, groups []chain) {
	types, counts, bits := flat(groups)
	if C.vkx_get_features(in.c, C.uint64_t(pd), C.uint32_t(len(groups)), u32(types), u32(counts), u32(bits)) != 0 {
		return // no host memory: nothing is available
	}
	for _, g := range groups {
		bits = bits[copy(g.bits, bits):]
	}
}

func (in *cgoInstance) memory(pd uint64, budget bool) ([]Heap, []MemoryType) {
	var m C.vkx_memory
	C.vkx_get_memory(in.c, C.uint64_t(pd), C.int(btoi(budget)), &m)
	heaps := make([]Heap, m.nheaps)
	for i := range heaps {
		heaps[i] = Heap{Size: uint64(m.size[i]), DeviceLocal: m.heapFlags[i]&1 != 0, Budget: uint64(m.budget[i]), Usage: uint64(m.usage[i])}
	}
	types := make([]MemoryType, m.ntypes)
	for i := range types {
		types[i] = MemoryType{Heap: int(m.typeHeap[i]), Flags: MemoryFlags(m.typeFlags[i])}
	}
	return heaps, types
}

func (in *cgoInstance) queueFamilies(pd uint64) []QueueFamily {
	var f [32]C.vkx_family
	n := C.vkx_families(in.c, C.uint64_t(pd), &f[0], 32)
	out := make([]QueueFamily, n)
	for i := range out {
		q := &f[i]
		// Graphics and compute queues can transfer even where they do not say so.
		out[i] = QueueFamily{Graphics: q.flags&1 != 0, Compute: q.flags&2 != 0, Transfer: q.flags&7 != 0, Count: uint32(q.count), TimestampValidBits: uint32(q.bits)}
	}
	return out
}

func (in *cgoInstance) matrices(pd uint64, flexible bool) ([]C.vkx_matrix, Result) {
	var p *C.vkx_matrix
	var n C.uint32_t
	r := C.vkx_matrices(in.c, C.uint64_t(pd), C.int(btoi(flexible)), &p, &n)
	return sliceOf(p, int(n), cfree, func(m *C.vkx_matrix) C.vkx_matrix { return *m }), Result(r)
}

func (in *cgoInstance) cooperativeMatrices(pd uint64) ([]CooperativeMatrix, Result) {
	ms, r := in.matrices(pd, false)
	var out []CooperativeMatrix
	for _, m := range ms {
		out = append(out, CooperativeMatrix{uint32(m.m), uint32(m.n), uint32(m.k), ComponentType(m.a), ComponentType(m.b),
			ComponentType(m.c), ComponentType(m.out), m.saturating != 0, Scope(m.scope)})
	}
	return out, r
}

func (in *cgoInstance) flexibleMatrices(pd uint64) ([]FlexibleMatrix, Result) {
	ms, r := in.matrices(pd, true)
	var out []FlexibleMatrix
	for _, m := range ms {
		out = append(out, FlexibleMatrix{uint32(m.m), uint32(m.n), uint32(m.k), ComponentType(m.a), ComponentType(m.b),
			ComponentType(m.c), ComponentType(m.out), m.saturating != 0, Scope(m.scope), uint32(m.invocations)})
	}
	return out, r
}

func (in *cgoInstance) timeDomains(pd uint64) ([]uint32, Result) {
	d := make([]uint32, 16)
	n := C.uint32_t(len(d))
	r := C.vkx_time_domains(in.c, C.uint64_t(pd), u32(d), &n)
	return d[:min(int(n), len(d))], Result(r)
}

func (in *cgoInstance) messages() []string {
	buf := make([]byte, 64*1024+1)
	lost := C.vkx_take_messages(in.c, (*C.char)(unsafe.Pointer(&buf[0])), C.uint32_t(len(buf)))
	var out []string
	for {
		s, rest, _ := strings.Cut(string(buf), "\x00")
		if s == "" {
			break
		}
		out = append(out, s)
		buf = []byte(rest)
	}
	if lost > 0 {
		out = append(out, fmt.Sprintf("and %d more messages", int(lost)))
	}
	return out
}

func (in *cgoInstance) createDevice(pd uint64, family int, extensions []string, groups []chain) (deviceDriver, Result) {
	types, counts, bits := flat(groups)
	names := C.CString(strings.Join(extensions, "\x00") + "\x00")
	defer C.free(unsafe.Pointer(names))
	var c *C.vkx_device
	r := C.vkx_create_device(in.c, C.uint64_t(pd), C.uint32_t(family), C.uint32_t(len(extensions)), names, C.uint32_t(len(groups)),
		u32(types), u32(counts), u32(bits), &c)
	if r != 0 {
		return nil, Result(r)
	}
	return &cgoDevice{c, uint64(C.vkx_device_handle(c))}, Success
}
