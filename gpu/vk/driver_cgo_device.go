//go:build cgo && !novulkan

package vk

/*
#cgo noescape vkx_replay
#cgo nocallback vkx_replay
#cgo noescape vkx_submit
#cgo nocallback vkx_submit
#cgo noescape vkx_counter
#cgo nocallback vkx_counter
#cgo noescape vkx_query_results
#cgo nocallback vkx_query_results
#include <stdlib.h>
#include "vkx.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

type cgoDevice struct {
	c      *C.vkx_device
	handle uint64
}

func (d *cgoDevice) destroy() {
	bindingDestroyDevice(d.handle)
	C.vkx_device_free(d.c)
	d.c = nil
}

func (d *cgoDevice) waitIdle() Result { return bindingWaitIdle(d.handle) }

func (d *cgoDevice) createBuffer(size uint64, usage uint32, external bool) (uint64, Result) {
	if !external {
		return bindingCreateBuffer(d.handle, size, usage)
	}
	var h C.uint64_t
	r := C.vkx_create_host_buffer(d.c, C.uint64_t(size), C.uint32_t(usage), &h)
	return uint64(h), Result(r)
}

func (d *cgoDevice) bufferRequirements(buffer uint64) (size, align uint64, types uint32) {
	var s, a C.uint64_t
	var t C.uint32_t
	C.vkx_buffer_requirements(d.c, C.uint64_t(buffer), &s, &a, &t)
	return uint64(s), max(uint64(a), 1), uint32(t)
}

func (d *cgoDevice) bufferAddress(buffer uint64) uint64 {
	return uint64(C.vkx_buffer_address(d.c, C.uint64_t(buffer)))
}
func (d *cgoDevice) destroyBuffer(buffer uint64) { bindingDestroyBuffer(d.handle, buffer) }

func (d *cgoDevice) allocate(size uint64, memoryType int, host []byte) (uint64, Result) {
	var h C.uint64_t
	// The address travels as a number: the device keeps using it after the call, which no Go pointer rule covers. The
	// caller of ImportHost promises memory that does not move.
	var at C.uint64_t
	if len(host) > 0 {
		at = C.uint64_t(addressOf(host))
	}
	r := C.vkx_allocate(d.c, C.uint64_t(size), C.uint32_t(memoryType), at, &h)
	runtime.KeepAlive(host)
	return uint64(h), Result(r)
}

func (d *cgoDevice) hostPointerTypes(host []byte) (uint32, Result) {
	var t C.uint32_t
	r := C.vkx_host_pointer_types(d.c, C.uint64_t(addressOf(host)), &t)
	runtime.KeepAlive(host)
	return uint32(t), Result(r)
}

func (d *cgoDevice) free(memory uint64) { bindingFreeMemory(d.handle, memory) }
func (d *cgoDevice) bind(buffer, memory, off uint64) Result {
	return bindingBindBufferMemory(d.handle, buffer, memory, off)
}
func (d *cgoDevice) mapMemory(m, n uint64) ([]byte, Result) { return bindingMapMemory(d.handle, m, n) }
func (d *cgoDevice) unmap(memory uint64)                    { bindingUnmapMemory(d.handle, memory) }
func (d *cgoDevice) destroyShaderModule(module uint64)      { bindingDestroyShaderModule(d.handle, module) }
func (d *cgoDevice) destroyPipelineLayout(layout uint64) {
	bindingDestroyPipelineLayout(d.handle, layout)
}
func (d *cgoDevice) destroyPipelineCache(cache uint64) { bindingDestroyPipelineCache(d.handle, cache) }
func (d *cgoDevice) destroyPipeline(pipeline uint64)   { bindingDestroyPipeline(d.handle, pipeline) }
func (d *cgoDevice) destroyCommandPool(pool uint64)    { bindingDestroyCommandPool(d.handle, pool) }
func (d *cgoDevice) destroySemaphore(semaphore uint64) { bindingDestroySemaphore(d.handle, semaphore) }
func (d *cgoDevice) destroyQueryPool(pool uint64)      { bindingDestroyQueryPool(d.handle, pool) }
func (d *cgoDevice) createQueryPool(n uint32) (uint64, Result) {
	return bindingCreateQueryPool(d.handle, n)
}

func (d *cgoDevice) createShaderModule(spirv []uint32) (uint64, Result) {
	return bindingCreateShaderModule(d.handle, spirv)
}

func (d *cgoDevice) createPipelineLayout(push uint32) (uint64, Result) {
	return bindingCreatePipelineLayout(d.handle, push)
}

func (d *cgoDevice) createPipelineCache(initial []byte) (uint64, Result) {
	return bindingCreatePipelineCache(d.handle, initial)
}

func (d *cgoDevice) pipelineCacheData(cache uint64) ([]byte, Result) {
	return bindingPipelineCacheData(d.handle, cache)
}

func (d *cgoDevice) createCommandPool(family int) (uint64, Result) {
	return bindingCreateCommandPool(d.handle, uint32(family))
}

func (d *cgoDevice) createPipeline(p *rawPipeline) (uint64, Result) {
	entry := C.CString(p.entry)
	defer C.free(unsafe.Pointer(entry))
	var h C.uint64_t
	r := C.vkx_create_pipeline(d.c, C.uint64_t(p.cache), C.uint64_t(p.layout), C.uint64_t(p.module), entry,
		C.uint32_t(len(p.specIDs)), u32(p.specIDs), u32(p.specValues), C.uint32_t(p.subgroupSize),
		C.int(btoi(p.fullSubgroups)), C.int(btoi(p.statistics)), &h)
	return uint64(h), Result(r)
}

func (d *cgoDevice) executables(pipeline uint64) ([]Executable, Result) {
	var e *C.vkx_executable
	var s *C.vkx_statistic
	var ne, ns C.uint32_t
	r := C.vkx_executables(d.c, C.uint64_t(pipeline), &e, &ne, &s, &ns)
	out := sliceOf(e, int(ne), cfree, func(x *C.vkx_executable) Executable {
		return Executable{Name: cstring(x.name[:]), Description: cstring(x.description[:]), SubgroupSize: uint32(x.subgroup)}
	})
	for _, x := range sliceOf(s, int(ns), cfree, func(x *C.vkx_statistic) C.vkx_statistic { return *x }) {
		o := &out[x.executable]
		o.Statistics = append(o.Statistics, Statistic{cstring(x.name[:]), cstring(x.description[:]), float64(x.value)})
	}
	return out, Result(r)
}

func (d *cgoDevice) allocateCommandBuffer(pool uint64) (uint64, Result) {
	var h C.uint64_t
	r := C.vkx_allocate_command_buffer(d.c, C.uint64_t(pool), &h)
	return uint64(h), Result(r)
}

func (d *cgoDevice) freeCommandBuffer(pool, cb uint64) {
	C.vkx_free_command_buffer(d.c, C.uint64_t(pool), C.uint64_t(cb))
}

func (d *cgoDevice) begin(cb uint64) Result { return Result(C.vkx_begin(d.c, C.uint64_t(cb))) }
func (d *cgoDevice) end(cb uint64) Result   { return Result(C.vkx_end(d.c, C.uint64_t(cb))) }

func (d *cgoDevice) replay(cb uint64, words []uint64) Result {
	return Result(C.vkx_replay(d.c, C.uint64_t(cb), u64(words), C.uint64_t(len(words))))
}

func (d *cgoDevice) createTimeline() (uint64, Result) {
	var h C.uint64_t
	r := C.vkx_create_timeline(d.c, &h)
	return uint64(h), Result(r)
}

func (d *cgoDevice) submit(cbs []uint64, semaphore, value uint64) Result {
	return Result(C.vkx_submit(d.c, u64(cbs), C.uint32_t(len(cbs)), C.uint64_t(semaphore), C.uint64_t(value)))
}

func (d *cgoDevice) wait(semaphore, value, timeout uint64) Result {
	return Result(C.vkx_wait(d.c, C.uint64_t(semaphore), C.uint64_t(value), C.uint64_t(timeout)))
}

func (d *cgoDevice) counter(semaphore uint64, value *uint64) Result {
	return Result(C.vkx_counter(d.c, C.uint64_t(semaphore), (*C.uint64_t)(unsafe.Pointer(value))))
}

func (d *cgoDevice) queryResults(pool uint64, first uint32, dst []uint64, wait bool) Result {
	return Result(C.vkx_query_results(d.c, C.uint64_t(pool), C.uint32_t(first), C.uint32_t(len(dst)), u64(dst), C.int(btoi(wait))))
}

func (d *cgoDevice) resetQueries(pool uint64, first, n uint32) {
	C.vkx_reset_queries(d.c, C.uint64_t(pool), C.uint32_t(first), C.uint32_t(n))
}

func (d *cgoDevice) calibrated(domain uint32) (device, host, deviation uint64, r Result) {
	var v [3]C.uint64_t
	r = Result(C.vkx_calibrated(d.c, C.uint32_t(domain), &v[0]))
	return uint64(v[0]), uint64(v[1]), uint64(v[2]), r
}

func (d *cgoDevice) hostClock() uint64 { return uint64(C.vkx_host_clock()) }
