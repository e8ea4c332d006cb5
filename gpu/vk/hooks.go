package vk

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// call numbers every Vulkan call that can fail, so that counting one costs an array index and no allocation.
type call uint8

const (
	callNone call = iota
	callCreateInstance
	callEnumeratePhysicalDevices
	callEnumerateDeviceExtensionProperties
	callGetCooperativeMatrixProperties
	callGetFlexibleMatrixProperties
	callGetTimeDomains
	callCreateDevice
	callCreateCommandPool
	callCreateSemaphore
	callCreateBuffer
	callAllocateMemory
	callGetMemoryHostPointerProperties
	callMapMemory
	callBindBufferMemory
	callCreateShaderModule
	callCreatePipelineLayout
	callCreatePipelineCache
	callGetPipelineCacheData
	callCreateComputePipelines
	callGetPipelineExecutables
	callAllocateCommandBuffers
	callBeginCommandBuffer
	callEndCommandBuffer
	callQueueSubmit
	callWaitSemaphores
	callGetSemaphoreCounterValue
	callDeviceWaitIdle
	callCreateQueryPool
	callGetQueryPoolResults
	callGetCalibratedTimestamps
	numCalls
)

var callNames = [numCalls]string{
	callCreateInstance:                     "vkCreateInstance",
	callEnumeratePhysicalDevices:           "vkEnumeratePhysicalDevices",
	callEnumerateDeviceExtensionProperties: "vkEnumerateDeviceExtensionProperties",
	callGetCooperativeMatrixProperties:     "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR",
	callGetFlexibleMatrixProperties:        "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV",
	callGetTimeDomains:                     "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT",
	callCreateDevice:                       "vkCreateDevice",
	callCreateCommandPool:                  "vkCreateCommandPool",
	callCreateSemaphore:                    "vkCreateSemaphore",
	callCreateBuffer:                       "vkCreateBuffer",
	callAllocateMemory:                     "vkAllocateMemory",
	callGetMemoryHostPointerProperties:     "vkGetMemoryHostPointerPropertiesEXT",
	callMapMemory:                          "vkMapMemory",
	callBindBufferMemory:                   "vkBindBufferMemory",
	callCreateShaderModule:                 "vkCreateShaderModule",
	callCreatePipelineLayout:               "vkCreatePipelineLayout",
	callCreatePipelineCache:                "vkCreatePipelineCache",
	callGetPipelineCacheData:               "vkGetPipelineCacheData",
	callCreateComputePipelines:             "vkCreateComputePipelines",
	callGetPipelineExecutables:             "vkGetPipelineExecutablePropertiesKHR",
	callAllocateCommandBuffers:             "vkAllocateCommandBuffers",
	callBeginCommandBuffer:                 "vkBeginCommandBuffer",
	callEndCommandBuffer:                   "vkEndCommandBuffer",
	callQueueSubmit:                        "vkQueueSubmit",
	callWaitSemaphores:                     "vkWaitSemaphores",
	callGetSemaphoreCounterValue:           "vkGetSemaphoreCounterValue",
	callDeviceWaitIdle:                     "vkDeviceWaitIdle",
	callCreateQueryPool:                    "vkCreateQueryPool",
	callGetQueryPoolResults:                "vkGetQueryPoolResults",
	callGetCalibratedTimestamps:            "vkGetCalibratedTimestampsEXT",
}

// object numbers the kinds of handle that must be given back.
type object uint8

const (
	objInstance object = iota
	objDevice
	objMemory
	objBuffer
	objShaderModule
	objPipelineLayout
	objPipelineCache
	objPipeline
	objCommandPool
	objCommandBuffer
	objQueryPool
	objSemaphore
	numObjects
)

var objectNames = [numObjects]string{"VkInstance", "VkDevice", "VkDeviceMemory", "VkBuffer", "VkShaderModule",
	"VkPipelineLayout", "VkPipelineCache", "VkPipeline", "VkCommandPool", "VkCommandBuffer", "VkQueryPool", "VkSemaphore"}

// Hooks counts the calls and the live handles of everything opened with it, and can make calls fail. It is safe for use by
// several goroutines. One Hooks may serve several instances, so that a test sees what a failed Open left behind.
type Hooks struct {
	counts [numCalls]atomic.Int64
	live   [numObjects]atomic.Int64
	armed  atomic.Bool

	mu     sync.Mutex
	faults map[fault]Result
}

type fault struct {
	call  call
	index int64
}

// InjectError makes the call with this index (0 is the first since NewHooks or Reset) answer result without reaching the
// driver. The name is the Vulkan function's.
func (h *Hooks) InjectError(name string, index int, result Result) error {
	if result == Success {
		return invalid("inject error into %q: got result success, want a failure", name)
	}
	for c, n := range callNames {
		if n == name && n != "" {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.faults == nil {
				h.faults = map[fault]Result{}
			}
			h.faults[fault{call(c), int64(index)}] = result
			h.armed.Store(true)
			return nil
		}
	}
	return invalid("inject error: got unknown call %q, want one of Hooks.Counts", name)
}

// Reset forgets injected errors and sets the call counts to 0. Live counts stay.
func (h *Hooks) Reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
	h.armed.Store(false)
	for i := range h.counts {
		h.counts[i].Store(0)
	}
}

// Counts says how often each call was made (injected failures included), by the Vulkan function's name.
func (h *Hooks) Counts() map[string]int {
	m := make(map[string]int, numCalls)
	for c := callNone + 1; c < numCalls; c++ {
		m[callNames[c]] = int(h.counts[c].Load())
	}
	return m
}

// Live says how many handles of each kind exist; kinds without any are left out.
func (h *Hooks) Live() map[string]int {
	m := map[string]int{}
	for o := range h.live {
		if n := h.live[o].Load(); n != 0 {
			m[objectNames[o]] = int(n)
		}
	}
	return m
}

func (h *Hooks) born(o object) { h.live[o].Add(1) }

func (h *Hooks) gone(o object) {
	if h.live[o].Add(-1) < 0 {
		panic(fmt.Sprintf("BUG: more %s destroyed than created", objectNames[o]))
	}
}

// inject counts a call and answers the failure to pretend, or Success: make the call.
func (h *Hooks) inject(c call) Result {
	n := h.counts[c].Add(1) - 1
	if !h.armed.Load() {
		return Success
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults[fault{c, n}]
}

// run is the one way a fallible Vulkan call is made off the hot path.
func (h *Hooks) run(c call, f func() Result) Result {
	if r := h.inject(c); r != Success {
		return r
	}
	return f()
}

// failed makes the error of a call.
func failed(c call, r Result, format string, args ...any) error {
	return &Error{Call: callNames[c], Result: r, Detail: fmt.Sprintf(format, args...)}
}
