// The part of the Vulkan API that vkx.c uses, declared by hand: a build needs no Vulkan headers. Names and layouts follow the
// Vulkan specification; arrays named skip stand for members that nothing here reads. Dispatchable handles are void *, all
// others uint64_t, which is right on 64-bit machines only.
#ifndef TUFF_VKX_VULKAN_H
#define TUFF_VKX_VULKAN_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8, "Vulkan handles are 64 bits wide here");

#ifdef _WIN32
#define VKAPI __stdcall
#else
#define VKAPI
#endif

typedef int32_t VkResult;
typedef uint32_t VkBool32;
typedef uint64_t VkDeviceSize;

enum { VK_SUCCESS = 0, VK_INCOMPLETE = 5, VK_ERROR_OUT_OF_HOST_MEMORY = -1 };

enum {
  ST_SUBMIT_INFO = 4,
  ST_MEMORY_ALLOCATE_INFO = 5,
  ST_SEMAPHORE_CREATE_INFO = 9,
  ST_BUFFER_CREATE_INFO = 12,
  ST_PIPELINE_SHADER_STAGE_CREATE_INFO = 18,
  ST_COMPUTE_PIPELINE_CREATE_INFO = 29,
  ST_DEVICE_QUEUE_CREATE_INFO = 2,
  ST_DEVICE_CREATE_INFO = 3,
  ST_COMMAND_BUFFER_ALLOCATE_INFO = 40,
  ST_COMMAND_BUFFER_BEGIN_INFO = 42,
  ST_MEMORY_BARRIER = 46,
  ST_FEATURES_2 = 1000059000,
  ST_PROPERTIES_2 = 1000059001,
  ST_MEMORY_PROPERTIES_2 = 1000059006,
  ST_MEMORY_ALLOCATE_FLAGS_INFO = 1000060000,
  ST_ID_PROPERTIES = 1000071004,
  ST_EXTERNAL_MEMORY_BUFFER_CREATE_INFO = 1000072000,
  ST_SUBGROUP_PROPERTIES = 1000094000,
  ST_CONDITIONAL_RENDERING_BEGIN_INFO = 1000081002,
  ST_DEBUG_UTILS_LABEL = 1000128002,
  ST_DEBUG_UTILS_MESSENGER_CREATE_INFO = 1000128004,
  ST_MAINTENANCE_3_PROPERTIES = 1000168000,
  ST_IMPORT_MEMORY_HOST_POINTER_INFO = 1000178000,
  ST_MEMORY_HOST_POINTER_PROPERTIES = 1000178001,
  ST_EXTERNAL_MEMORY_HOST_PROPERTIES = 1000178002,
  ST_CALIBRATED_TIMESTAMP_INFO = 1000184000,
  ST_DRIVER_PROPERTIES = 1000196000,
  ST_SEMAPHORE_TYPE_CREATE_INFO = 1000207002,
  ST_TIMELINE_SEMAPHORE_SUBMIT_INFO = 1000207003,
  ST_SEMAPHORE_WAIT_INFO = 1000207004,
  ST_SUBGROUP_SIZE_CONTROL_PROPERTIES = 1000225000,
  ST_REQUIRED_SUBGROUP_SIZE_CREATE_INFO = 1000225001,
  ST_MEMORY_BUDGET_PROPERTIES = 1000237000,
  ST_BUFFER_DEVICE_ADDRESS_INFO = 1000244001,
  ST_PIPELINE_INFO = 1000269001,
  ST_PIPELINE_EXECUTABLE_PROPERTIES = 1000269002,
  ST_PIPELINE_EXECUTABLE_INFO = 1000269003,
  ST_PIPELINE_EXECUTABLE_STATISTIC = 1000269004,
  ST_DOT_PRODUCT_PROPERTIES = 1000280001,
  ST_MAINTENANCE_4_PROPERTIES = 1000413001,
  ST_COOPERATIVE_MATRIX_PROPERTIES = 1000506001,
  ST_FLEXIBLE_DIMENSIONS_PROPERTIES = 1000593001,
  ST_COOPERATIVE_MATRIX_2_PROPERTIES = 1000593002,
};

// VkPhysicalDeviceLimits, 504 bytes.
typedef struct {
  uint32_t skip1[7];
  uint32_t maxStorageBufferRange, maxPushConstantsSize, maxMemoryAllocationCount, skip2;
  VkDeviceSize bufferImageGranularity, skip3;
  uint32_t skip4[38];
  uint32_t maxComputeSharedMemorySize, maxComputeWorkGroupCount[3], maxComputeWorkGroupInvocations, maxComputeWorkGroupSize[3];
  uint32_t skip5[13];
  size_t minMemoryMapAlignment;
  VkDeviceSize skip6[2], minStorageBufferOffsetAlignment;
  uint32_t skip7[22];
  float timestampPeriod;
  uint32_t skip8[12];
  VkDeviceSize optimalBufferCopyOffsetAlignment, skip9, nonCoherentAtomSize;
} VkPhysicalDeviceLimits;

_Static_assert(offsetof(VkPhysicalDeviceLimits, bufferImageGranularity) == 48, "limits");
_Static_assert(offsetof(VkPhysicalDeviceLimits, maxComputeSharedMemorySize) == 216, "limits");
_Static_assert(offsetof(VkPhysicalDeviceLimits, minStorageBufferOffsetAlignment) == 328, "limits");
_Static_assert(offsetof(VkPhysicalDeviceLimits, timestampPeriod) == 424, "limits");
_Static_assert(sizeof(VkPhysicalDeviceLimits) == 504, "limits");

typedef struct {
  uint32_t apiVersion, driverVersion, vendorID, deviceID, deviceType;
  char deviceName[256];
  uint8_t pipelineCacheUUID[16];
  VkPhysicalDeviceLimits limits;
  VkBool32 sparse[5];
} VkPhysicalDeviceProperties;

_Static_assert(sizeof(VkPhysicalDeviceProperties) == 824, "properties");

#define HEAD uint32_t sType; void *pNext

typedef struct { HEAD; } VkBaseOutStructure;
typedef struct { HEAD; VkPhysicalDeviceProperties properties; } VkPhysicalDeviceProperties2;
typedef struct { HEAD; uint8_t deviceUUID[16], driverUUID[16], deviceLUID[8]; uint32_t deviceNodeMask; VkBool32 deviceLUIDValid; } VkPhysicalDeviceIDProperties;
typedef struct { HEAD; uint32_t subgroupSize, supportedStages, supportedOperations; VkBool32 quad; } VkPhysicalDeviceSubgroupProperties;
typedef struct { HEAD; uint32_t maxPerSetDescriptors; VkDeviceSize maxMemoryAllocationSize; } VkPhysicalDeviceMaintenance3Properties;
typedef struct { HEAD; uint32_t driverID; char driverName[256], driverInfo[256]; uint8_t conformance[4]; } VkPhysicalDeviceDriverProperties;
typedef struct { HEAD; uint32_t minSubgroupSize, maxSubgroupSize, maxComputeWorkgroupSubgroups, requiredSubgroupSizeStages; } VkPhysicalDeviceSubgroupSizeControlProperties;
typedef struct { HEAD; VkDeviceSize maxBufferSize; } VkPhysicalDeviceMaintenance4Properties;
typedef struct { HEAD; VkBool32 accelerated[30]; } VkPhysicalDeviceShaderIntegerDotProductProperties;
typedef struct { HEAD; VkDeviceSize minImportedHostPointerAlignment; } VkPhysicalDeviceExternalMemoryHostProperties;
typedef struct { HEAD; uint32_t maxWorkgroupSize, maxDimension, reservedSharedMemory; } VkPhysicalDeviceCooperativeMatrix2Properties;

// Every feature structure: a row of VkBool32. VkPhysicalDeviceFeatures2 is the longest with 55.
enum { MAX_BITS = 55 };
typedef struct { HEAD; VkBool32 bits[MAX_BITS]; } FeatureStructure;
_Static_assert(sizeof(FeatureStructure) == 240, "VkPhysicalDeviceFeatures2");

typedef struct { uint32_t propertyFlags, heapIndex; } VkMemoryType;
typedef struct { VkDeviceSize size; uint32_t flags; } VkMemoryHeap;
typedef struct { HEAD; uint32_t memoryTypeCount; VkMemoryType memoryTypes[32]; uint32_t memoryHeapCount; VkMemoryHeap memoryHeaps[16]; } VkPhysicalDeviceMemoryProperties2;
typedef struct { HEAD; VkDeviceSize heapBudget[16], heapUsage[16]; } VkPhysicalDeviceMemoryBudgetProperties;
typedef struct { uint32_t queueFlags, queueCount, timestampValidBits, granularity[3]; } VkQueueFamilyProperties;
typedef struct { char extensionName[256]; uint32_t specVersion; } VkExtensionProperties;
typedef struct { char layerName[256]; uint32_t specVersion, implementationVersion; char description[256]; } VkLayerProperties;
typedef struct { HEAD; uint32_t M, N, K, A, B, C, Result; VkBool32 saturating; uint32_t scope; } VkCooperativeMatrixProperties;
typedef struct { HEAD; uint32_t M, N, K, A, B, C, Result; VkBool32 saturating; uint32_t scope, workgroupInvocations; } VkCooperativeMatrixFlexibleDimensionsProperties;

typedef struct { HEAD; uint32_t flags, queueFamilyIndex, queueCount; const float *pQueuePriorities; } VkDeviceQueueCreateInfo;
typedef struct {
  HEAD; uint32_t flags, queueCreateInfoCount; const VkDeviceQueueCreateInfo *pQueueCreateInfos;
  uint32_t enabledLayerCount; const char *const *ppEnabledLayerNames;
  uint32_t enabledExtensionCount; const char *const *ppEnabledExtensionNames; const void *pEnabledFeatures;
} VkDeviceCreateInfo;

typedef struct { HEAD; uint32_t handleTypes; } VkExternalMemoryBufferCreateInfo;
typedef struct { HEAD; uint32_t flags; VkDeviceSize size; uint32_t usage, sharingMode, queueFamilyIndexCount; const uint32_t *pQueueFamilyIndices; } VkBufferCreateInfo;
typedef struct { HEAD; uint64_t buffer; } VkBufferDeviceAddressInfo;
typedef struct { VkDeviceSize size, alignment; uint32_t memoryTypeBits; } VkMemoryRequirements;
typedef struct { HEAD; VkDeviceSize allocationSize; uint32_t memoryTypeIndex; } VkMemoryAllocateInfo;
typedef struct { HEAD; uint32_t flags, deviceMask; } VkMemoryAllocateFlagsInfo;
typedef struct { HEAD; uint32_t handleType; void *pHostPointer; } VkImportMemoryHostPointerInfo;
typedef struct { HEAD; uint32_t memoryTypeBits; } VkMemoryHostPointerProperties;

typedef struct { uint32_t constantID, offset; size_t size; } VkSpecializationMapEntry;
typedef struct { uint32_t mapEntryCount; const VkSpecializationMapEntry *pMapEntries; size_t dataSize; const void *pData; } VkSpecializationInfo;
typedef struct { HEAD; uint32_t requiredSubgroupSize; } VkPipelineShaderStageRequiredSubgroupSizeCreateInfo;
typedef struct { HEAD; uint32_t flags, stage; uint64_t module; const char *pName; const VkSpecializationInfo *pSpecializationInfo; } VkPipelineShaderStageCreateInfo;
typedef struct { HEAD; uint32_t flags; VkPipelineShaderStageCreateInfo stage; uint64_t layout, basePipelineHandle; int32_t basePipelineIndex; } VkComputePipelineCreateInfo;
typedef struct { HEAD; uint64_t pipeline; } VkPipelineInfo;
typedef struct { HEAD; uint32_t stages; char name[256], description[256]; uint32_t subgroupSize; } VkPipelineExecutableProperties;
typedef struct { HEAD; uint64_t pipeline; uint32_t executableIndex; } VkPipelineExecutableInfo;
typedef struct { HEAD; char name[256], description[256]; uint32_t format; union { VkBool32 b32; int64_t i64; uint64_t u64; double f64; } value; } VkPipelineExecutableStatistic;

typedef struct { HEAD; uint64_t commandPool; uint32_t level, commandBufferCount; } VkCommandBufferAllocateInfo;
typedef struct { HEAD; uint32_t flags; const void *pInheritanceInfo; } VkCommandBufferBeginInfo;
typedef struct { HEAD; uint32_t srcAccessMask, dstAccessMask; } VkMemoryBarrier;
typedef struct { VkDeviceSize srcOffset, dstOffset, size; } VkBufferCopy;
typedef struct { HEAD; uint64_t buffer; VkDeviceSize offset; uint32_t flags; } VkConditionalRenderingBeginInfo;
typedef struct { HEAD; const char *pLabelName; float color[4]; } VkDebugUtilsLabel;
typedef struct { HEAD; uint32_t semaphoreType; uint64_t initialValue; } VkSemaphoreTypeCreateInfo;
typedef struct { HEAD; uint32_t flags; } VkSemaphoreCreateInfo;
typedef struct { HEAD; uint32_t waitCount; const uint64_t *pWaitValues; uint32_t signalCount; const uint64_t *pSignalValues; } VkTimelineSemaphoreSubmitInfo;
typedef struct {
  HEAD; uint32_t waitSemaphoreCount; const uint64_t *pWaitSemaphores; const uint32_t *pWaitDstStageMask;
  uint32_t commandBufferCount; void *const *pCommandBuffers; uint32_t signalSemaphoreCount; const uint64_t *pSignalSemaphores;
} VkSubmitInfo;
typedef struct { HEAD; uint32_t flags, semaphoreCount; const uint64_t *pSemaphores, *pValues; } VkSemaphoreWaitInfo;
typedef struct { HEAD; uint32_t timeDomain; } VkCalibratedTimestampInfo;

typedef struct { HEAD; uint32_t flags; const char *pMessageIdName; int32_t messageIdNumber; const char *pMessage; } VkDebugUtilsMessengerCallbackData; // and more
typedef VkBool32(VKAPI *PFN_messenger)(uint32_t severity, uint32_t types, const VkDebugUtilsMessengerCallbackData *data, void *user);
typedef struct { HEAD; uint32_t flags, messageSeverity, messageType; PFN_messenger pfnUserCallback; void *pUserData; } VkDebugUtilsMessengerCreateInfo;

#endif
