//go:build cgo && !novulkan && !vulkango

package vk

import (
	"runtime"
	"unsafe"

	b "github.com/goki/vulkan"
)

// The calls made through the binding: each takes at most one create-info, whose nested slices the binding copies to C before
// the call and Free gives back after it. Never call here what takes a slice of structs: the binding frees those from a
// finalizer while the driver reads them. Structs are fresh per call, since the binding keeps its first C copy.
// binding_vulkango.go is the same over the other binding; they differ in the integer type of sizes.

// Binding names the Go binding that this program was built with.
const Binding = "github.com/goki/vulkan"

type bindingSize = uint64

// handleOf and toHandle convert through memory: on 64-bit machines every handle is 8 bytes, and a driver's handle need not be
// a valid pointer, so it must never be an unsafe.Pointer that the garbage collector sees.
func handleOf[H any](h H) uint64 { return *(*uint64)(unsafe.Pointer(&h)) }

func toHandle[H any](u uint64) H { return *(*H)(unsafe.Pointer(&u)) }

// bindingInit gives the binding the loader's entry point, once per process.
func bindingInit(getInstanceProcAddr unsafe.Pointer) error {
	b.SetGetInstanceProcAddr(getInstanceProcAddr)
	return b.Init()
}

func bindingCreateInstance(app string, layers, extensions []string, flags, api uint32) (uint64, Result) {
	// The binding passes strings and slices in place, by pointers stored in C memory: what is not a constant must be pinned.
	var pin runtime.Pinner
	defer pin.Unpin()
	app += "\x00"
	pin.Pin(unsafe.StringData(app))
	info := b.ApplicationInfo{SType: b.StructureTypeApplicationInfo, PApplicationName: app, PEngineName: "tuff\x00", ApiVersion: api}
	ci := b.InstanceCreateInfo{SType: b.StructureTypeInstanceCreateInfo, Flags: b.InstanceCreateFlags(flags), PApplicationInfo: &info,
		EnabledLayerCount: uint32(len(layers)), PpEnabledLayerNames: layers,
		EnabledExtensionCount: uint32(len(extensions)), PpEnabledExtensionNames: extensions}
	var in b.Instance
	r := b.CreateInstance(&ci, nil, &in)
	ci.Free()
	info.Free()
	return handleOf(in), Result(r)
}

// bindingInitInstance loads the binding's table of functions. They are the loader's trampolines, which serve every instance.
func bindingInitInstance(in uint64) error { return b.InitInstance(toHandle[b.Instance](in)) }

func bindingDestroyInstance(in uint64) { b.DestroyInstance(toHandle[b.Instance](in), nil) }
func bindingDestroyDevice(dev uint64)  { b.DestroyDevice(toHandle[b.Device](dev), nil) }
func bindingWaitIdle(dev uint64) Result {
	return Result(b.DeviceWaitIdle(toHandle[b.Device](dev)))
}

func bindingCreateBuffer(dev, size uint64, usage uint32) (uint64, Result) {
	ci := b.BufferCreateInfo{SType: b.StructureTypeBufferCreateInfo, Size: b.DeviceSize(size), Usage: b.BufferUsageFlags(usage), SharingMode: b.SharingModeExclusive}
	var h b.Buffer
	r := b.CreateBuffer(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingDestroyBuffer(dev, h uint64) {
	b.DestroyBuffer(toHandle[b.Device](dev), toHandle[b.Buffer](h), nil)
}

func bindingBindBufferMemory(dev, buf, mem, off uint64) Result {
	return Result(b.BindBufferMemory(toHandle[b.Device](dev), toHandle[b.Buffer](buf), toHandle[b.DeviceMemory](mem), b.DeviceSize(off)))
}

func bindingMapMemory(dev, mem, size uint64) ([]byte, Result) {
	var p unsafe.Pointer
	r := b.MapMemory(toHandle[b.Device](dev), toHandle[b.DeviceMemory](mem), 0, b.DeviceSize(size), 0, &p)
	if r != b.Success {
		return nil, Result(r)
	}
	return unsafe.Slice((*byte)(p), size), Success
}

func bindingUnmapMemory(dev, mem uint64) {
	b.UnmapMemory(toHandle[b.Device](dev), toHandle[b.DeviceMemory](mem))
}

func bindingFreeMemory(dev, mem uint64) {
	b.FreeMemory(toHandle[b.Device](dev), toHandle[b.DeviceMemory](mem), nil)
}

func bindingCreateShaderModule(dev uint64, spirv []uint32) (uint64, Result) {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(unsafe.SliceData(spirv))
	ci := b.ShaderModuleCreateInfo{SType: b.StructureTypeShaderModuleCreateInfo, CodeSize: bindingSize(4 * len(spirv)), PCode: spirv}
	var h b.ShaderModule
	r := b.CreateShaderModule(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingDestroyShaderModule(dev, h uint64) {
	b.DestroyShaderModule(toHandle[b.Device](dev), toHandle[b.ShaderModule](h), nil)
}

func bindingCreatePipelineLayout(dev uint64, push uint32) (uint64, Result) {
	ci := b.PipelineLayoutCreateInfo{SType: b.StructureTypePipelineLayoutCreateInfo}
	if push > 0 {
		ci.PushConstantRangeCount = 1
		ci.PPushConstantRanges = []b.PushConstantRange{{StageFlags: b.ShaderStageFlags(b.ShaderStageComputeBit), Size: push}}
	}
	var h b.PipelineLayout
	r := b.CreatePipelineLayout(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingDestroyPipelineLayout(dev, h uint64) {
	b.DestroyPipelineLayout(toHandle[b.Device](dev), toHandle[b.PipelineLayout](h), nil)
}

func bindingCreatePipelineCache(dev uint64, initial []byte) (uint64, Result) {
	ci := b.PipelineCacheCreateInfo{SType: b.StructureTypePipelineCacheCreateInfo, InitialDataSize: bindingSize(len(initial))}
	var pin runtime.Pinner
	defer pin.Unpin()
	if len(initial) > 0 {
		pin.Pin(&initial[0])
		ci.PInitialData = unsafe.Pointer(&initial[0])
	}
	var h b.PipelineCache
	r := b.CreatePipelineCache(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingPipelineCacheData(dev, h uint64) ([]byte, Result) {
	var n bindingSize
	if r := b.GetPipelineCacheData(toHandle[b.Device](dev), toHandle[b.PipelineCache](h), &n, nil); r != b.Success || n == 0 {
		return nil, Result(r)
	}
	data := make([]byte, n)
	r := b.GetPipelineCacheData(toHandle[b.Device](dev), toHandle[b.PipelineCache](h), &n, unsafe.Pointer(&data[0]))
	if r == b.Incomplete {
		r = b.Success // it grew in between; what was written is whole entries
	}
	return data[:n], Result(r)
}

func bindingDestroyPipelineCache(dev, h uint64) {
	b.DestroyPipelineCache(toHandle[b.Device](dev), toHandle[b.PipelineCache](h), nil)
}

func bindingDestroyPipeline(dev, h uint64) {
	b.DestroyPipeline(toHandle[b.Device](dev), toHandle[b.Pipeline](h), nil)
}

func bindingCreateCommandPool(dev uint64, family uint32) (uint64, Result) {
	ci := b.CommandPoolCreateInfo{SType: b.StructureTypeCommandPoolCreateInfo, QueueFamilyIndex: family,
		Flags: b.CommandPoolCreateFlags(b.CommandPoolCreateResetCommandBufferBit)}
	var h b.CommandPool
	r := b.CreateCommandPool(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingDestroyCommandPool(dev, h uint64) {
	b.DestroyCommandPool(toHandle[b.Device](dev), toHandle[b.CommandPool](h), nil)
}

func bindingCreateQueryPool(dev uint64, n uint32) (uint64, Result) {
	ci := b.QueryPoolCreateInfo{SType: b.StructureTypeQueryPoolCreateInfo, QueryType: b.QueryTypeTimestamp, QueryCount: n}
	var h b.QueryPool
	r := b.CreateQueryPool(toHandle[b.Device](dev), &ci, nil, &h)
	ci.Free()
	return handleOf(h), Result(r)
}

func bindingDestroyQueryPool(dev, h uint64) {
	b.DestroyQueryPool(toHandle[b.Device](dev), toHandle[b.QueryPool](h), nil)
}

func bindingDestroySemaphore(dev, h uint64) {
	b.DestroySemaphore(toHandle[b.Device](dev), toHandle[b.Semaphore](h), nil)
}
