package vk

// The three interfaces below are every Vulkan entry point that the package uses. They are implemented once, in
// driver_cgo.go, and once more for emulated devices; builds without cgo have those alone. Methods only marshal: checks, errors, counting
// and fault injection happen above, in plain Go. Handles are uint64, dispatchable ones included.

// driver is the loader.
type driver interface {
	createInstance(app string, validation bool) (instanceDriver, Result)
}

type rawProperties struct {
	api, driverVersion, vendor, device, deviceType, driverID uint32
	name, driverName, driverInfo                             string
	cacheUUID, deviceUUID, driverUUID                        [16]byte
	limits                                                   Limits
	subgroup, subgroupMin, subgroupMax, workgroupSubgroups   uint32
	subgroupStages, subgroupOps, requiredStages              uint32
	dot                                                      [30]bool
	flexibleMax                                              uint32
	emulated                                                 bool
}

// propertyFlags choose the structures chained to VkPhysicalDeviceProperties2, beyond those of Vulkan 1.1.
type propertyFlags uint32

const (
	propDriver propertyFlags = 1 << iota
	propSubgroupSize
	propMaintenance4
	propDot
	propHostMemory
	propMatrix2
)

type instanceDriver interface {
	physicalDevices() ([]uint64, Result)
	apiVersion(pd uint64) Version // the device's own, from Vulkan 1.0
	extensions(pd uint64) ([]string, Result)
	properties(pd uint64, which propertyFlags) rawProperties
	features(pd uint64, groups []chain)
	memory(pd uint64, budget bool) ([]Heap, []MemoryType)
	queueFamilies(pd uint64) []QueueFamily
	cooperativeMatrices(pd uint64) ([]CooperativeMatrix, Result)
	flexibleMatrices(pd uint64) ([]FlexibleMatrix, Result)
	timeDomains(pd uint64) ([]uint32, Result)
	createDevice(pd uint64, family int, extensions []string, groups []chain) (deviceDriver, Result)
	messages() []string
	destroy()
}

type rawPipeline struct {
	module, layout, cache uint64
	entry, name           string // name is for messages
	specIDs, specValues   []uint32
	subgroupSize          uint32
	fullSubgroups         bool
	statistics            bool
}

type deviceDriver interface {
	destroy()
	waitIdle() Result

	createBuffer(size uint64, usage uint32, external bool) (uint64, Result)
	bufferRequirements(buffer uint64) (size, align uint64, types uint32)
	bufferAddress(buffer uint64) uint64
	destroyBuffer(buffer uint64)
	allocate(size uint64, memoryType int, host []byte) (uint64, Result)
	hostPointerTypes(host []byte) (uint32, Result)
	free(memory uint64)
	bind(buffer, memory, offset uint64) Result
	mapMemory(memory, size uint64) ([]byte, Result)
	unmap(memory uint64)

	createShaderModule(spirv []uint32) (uint64, Result)
	destroyShaderModule(module uint64)
	createPipelineLayout(push uint32) (uint64, Result)
	destroyPipelineLayout(layout uint64)
	createPipelineCache(initial []byte) (uint64, Result)
	pipelineCacheData(cache uint64) ([]byte, Result)
	destroyPipelineCache(cache uint64)
	createPipeline(p *rawPipeline) (uint64, Result)
	destroyPipeline(pipeline uint64)
	executables(pipeline uint64) ([]Executable, Result)

	createCommandPool(family int) (uint64, Result)
	destroyCommandPool(pool uint64)
	allocateCommandBuffer(pool uint64) (uint64, Result)
	freeCommandBuffer(pool, cb uint64)
	begin(cb uint64) Result
	replay(cb uint64, words []uint64) Result
	end(cb uint64) Result

	createTimeline() (uint64, Result)
	destroySemaphore(semaphore uint64)
	submit(cbs []uint64, semaphore, value uint64) Result
	wait(semaphore, value, timeout uint64) Result
	counter(semaphore uint64, value *uint64) Result

	createQueryPool(n uint32) (uint64, Result)
	destroyQueryPool(pool uint64)
	queryResults(pool uint64, first uint32, dst []uint64, wait bool) Result
	resetQueries(pool uint64, first, n uint32)
	calibrated(domain uint32) (device, host, deviation uint64, r Result)
	hostClock() uint64 // ns of CLOCK_MONOTONIC, or 0 where there is no such clock
}
