//go:build cgo && !novulkan

#include "vkx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vkx_vulkan.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#include <time.h>
#endif

typedef void (*PFN_void)(void);
typedef PFN_void(VKAPI *PFN_procaddr)(void *object, const char *name);

static PFN_procaddr gipa; // vkGetInstanceProcAddr, set once by vkx_load under the caller's lock

// The loader stays open until the process ends: drivers start threads that outlive instances.
void *vkx_load(char why[256]) {
  if (gipa) return (void *)gipa;
  snprintf(why, 256, "not found");
#ifdef _WIN32
  HMODULE h = LoadLibraryA("vulkan-1.dll");
  if (!h) { snprintf(why, 256, "vulkan-1.dll: error %lu", (unsigned long)GetLastError()); return NULL; }
  gipa = (PFN_procaddr)(void *)GetProcAddress(h, "vkGetInstanceProcAddr");
#else
#ifdef __APPLE__
  static const char *const names[] = {"libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib", "/usr/local/lib/libvulkan.1.dylib", "/opt/homebrew/lib/libvulkan.1.dylib"};
#else
  // The name without a number belongs to development packages; users have the first.
  static const char *const names[] = {"libvulkan.so.1", "libvulkan.so"};
#endif
  void *h = NULL;
  for (size_t i = 0; !h && i < sizeof names / sizeof *names; i++) {
    h = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    const char *e = h ? NULL : dlerror();
    if (e && i == 0) snprintf(why, 256, "%s", e);
  }
  if (!h) return NULL;
  gipa = (PFN_procaddr)dlsym(h, "vkGetInstanceProcAddr");
#endif
  if (!gipa) snprintf(why, 256, "the loader has no vkGetInstanceProcAddr");
  return (void *)gipa;
}

uint32_t vkx_instance_version(void) {
  VkResult(VKAPI * f)(uint32_t *) = (VkResult(VKAPI *)(uint32_t *))gipa(NULL, "vkEnumerateInstanceVersion");
  uint32_t v = 1u << 22; // Vulkan 1.0 has no such function
  if (f) f(&v);
  return v;
}

int vkx_has_extension(const char *name) {
  typedef VkResult(VKAPI * PFN)(const char *, uint32_t *, VkExtensionProperties *);
  PFN f = (PFN)gipa(NULL, "vkEnumerateInstanceExtensionProperties");
  uint32_t n = 0;
  if (!f || f(NULL, &n, NULL) < 0 || n == 0) return 0;
  VkExtensionProperties *p = calloc(n, sizeof *p);
  int found = 0;
  if (p && f(NULL, &n, p) >= 0)
    for (uint32_t i = 0; i < n; i++) found |= !strcmp(p[i].extensionName, name);
  free(p);
  return found;
}

// Instance functions: X(result type, name, parameters, name in an older extension or "").
#define INSTANCE_FUNCTIONS(X) \
  X(VkResult, vkEnumeratePhysicalDevices, (void *, uint32_t *, void **), "") \
  X(VkResult, vkEnumerateDeviceExtensionProperties, (void *, const char *, uint32_t *, VkExtensionProperties *), "") \
  X(void, vkGetPhysicalDeviceProperties, (void *, VkPhysicalDeviceProperties *), "") \
  X(void, vkGetPhysicalDeviceProperties2, (void *, void *), "vkGetPhysicalDeviceProperties2KHR") \
  X(void, vkGetPhysicalDeviceFeatures2, (void *, void *), "vkGetPhysicalDeviceFeatures2KHR") \
  X(void, vkGetPhysicalDeviceMemoryProperties2, (void *, void *), "vkGetPhysicalDeviceMemoryProperties2KHR") \
  X(void, vkGetPhysicalDeviceQueueFamilyProperties, (void *, uint32_t *, VkQueueFamilyProperties *), "") \
  X(VkResult, vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR, (void *, uint32_t *, VkCooperativeMatrixProperties *), "") \
  X(VkResult, vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV, (void *, uint32_t *, VkCooperativeMatrixFlexibleDimensionsProperties *), "") \
  X(VkResult, vkGetPhysicalDeviceCalibrateableTimeDomainsEXT, (void *, uint32_t *, uint32_t *), "vkGetPhysicalDeviceCalibrateableTimeDomainsKHR") \
  X(VkResult, vkCreateDevice, (void *, const VkDeviceCreateInfo *, const void *, void **), "") \
  X(PFN_void, vkGetDeviceProcAddr, (void *, const char *), "") \
  X(VkResult, vkCreateDebugUtilsMessengerEXT, (void *, const VkDebugUtilsMessengerCreateInfo *, const void *, uint64_t *), "") \
  X(void, vkDestroyDebugUtilsMessengerEXT, (void *, uint64_t, const void *), "")

#define DEVICE_FUNCTIONS(X) \
  X(void, vkGetDeviceQueue, (void *, uint32_t, uint32_t, void **), "") \
  X(void, vkDestroyDevice, (void *, const void *), "") \
  X(VkResult, vkCreateBuffer, (void *, const VkBufferCreateInfo *, const void *, uint64_t *), "") \
  X(void, vkGetBufferMemoryRequirements, (void *, uint64_t, VkMemoryRequirements *), "") \
  X(uint64_t, vkGetBufferDeviceAddress, (void *, const VkBufferDeviceAddressInfo *), "vkGetBufferDeviceAddressKHR") \
  X(VkResult, vkAllocateMemory, (void *, const VkMemoryAllocateInfo *, const void *, uint64_t *), "") \
  X(VkResult, vkGetMemoryHostPointerPropertiesEXT, (void *, uint32_t, const void *, VkMemoryHostPointerProperties *), "") \
  X(VkResult, vkCreateComputePipelines, (void *, uint64_t, uint32_t, const VkComputePipelineCreateInfo *, const void *, uint64_t *), "") \
  X(VkResult, vkGetPipelineExecutablePropertiesKHR, (void *, const VkPipelineInfo *, uint32_t *, VkPipelineExecutableProperties *), "") \
  X(VkResult, vkGetPipelineExecutableStatisticsKHR, (void *, const VkPipelineExecutableInfo *, uint32_t *, VkPipelineExecutableStatistic *), "") \
  X(VkResult, vkAllocateCommandBuffers, (void *, const VkCommandBufferAllocateInfo *, void **), "") \
  X(void, vkFreeCommandBuffers, (void *, uint64_t, uint32_t, void *const *), "") \
  X(VkResult, vkBeginCommandBuffer, (void *, const VkCommandBufferBeginInfo *), "") \
  X(VkResult, vkEndCommandBuffer, (void *), "") \
  X(void, vkCmdBindPipeline, (void *, uint32_t, uint64_t), "") \
  X(void, vkCmdPushConstants, (void *, uint64_t, uint32_t, uint32_t, uint32_t, const void *), "") \
  X(void, vkCmdDispatch, (void *, uint32_t, uint32_t, uint32_t), "") \
  X(void, vkCmdDispatchIndirect, (void *, uint64_t, VkDeviceSize), "") \
  X(void, vkCmdPipelineBarrier, (void *, uint32_t, uint32_t, uint32_t, uint32_t, const VkMemoryBarrier *, uint32_t, const void *, uint32_t, const void *), "") \
  X(void, vkCmdCopyBuffer, (void *, uint64_t, uint64_t, uint32_t, const VkBufferCopy *), "") \
  X(void, vkCmdFillBuffer, (void *, uint64_t, VkDeviceSize, VkDeviceSize, uint32_t), "") \
  X(void, vkCmdUpdateBuffer, (void *, uint64_t, VkDeviceSize, VkDeviceSize, const void *), "") \
  X(void, vkCmdWriteTimestamp, (void *, uint32_t, uint64_t, uint32_t), "") \
  X(void, vkCmdResetQueryPool, (void *, uint64_t, uint32_t, uint32_t), "") \
  X(VkResult, vkCreateSemaphore, (void *, const VkSemaphoreCreateInfo *, const void *, uint64_t *), "") \
  X(VkResult, vkQueueSubmit, (void *, uint32_t, const VkSubmitInfo *, uint64_t), "") \
  X(VkResult, vkWaitSemaphores, (void *, const VkSemaphoreWaitInfo *, uint64_t), "vkWaitSemaphoresKHR") \
  X(VkResult, vkGetSemaphoreCounterValue, (void *, uint64_t, uint64_t *), "vkGetSemaphoreCounterValueKHR") \
  X(VkResult, vkGetQueryPoolResults, (void *, uint64_t, uint32_t, uint32_t, size_t, void *, VkDeviceSize, uint32_t), "") \
  X(void, vkResetQueryPool, (void *, uint64_t, uint32_t, uint32_t), "vkResetQueryPoolEXT") \
  X(VkResult, vkGetCalibratedTimestampsEXT, (void *, uint32_t, const VkCalibratedTimestampInfo *, uint64_t *, uint64_t *), "vkGetCalibratedTimestampsKHR") \
  X(void, vkCmdBeginConditionalRenderingEXT, (void *, const VkConditionalRenderingBeginInfo *), "") \
  X(void, vkCmdEndConditionalRenderingEXT, (void *), "") \
  X(void, vkCmdBeginDebugUtilsLabelEXT, (void *, const VkDebugUtilsLabel *), "") \
  X(void, vkCmdEndDebugUtilsLabelEXT, (void *), "")

#define MEMBER(ret, name, args, old) ret(VKAPI *name) args;

enum { MESSAGES = 64, MESSAGE_SIZE = 1024 };

struct vkx_instance {
  void *handle;
  INSTANCE_FUNCTIONS(MEMBER)
  uint64_t messenger;
  char lock; // of what follows; messages come from any thread
  uint32_t nmessages, nlost;
  char messages[MESSAGES][MESSAGE_SIZE];
};

struct vkx_device {
  void *handle, *queue;
  DEVICE_FUNCTIONS(MEMBER)
};

static void lock(vkx_instance *in) { while (__atomic_test_and_set(&in->lock, __ATOMIC_ACQUIRE)) {} }
static void unlock(vkx_instance *in) { __atomic_clear(&in->lock, __ATOMIC_RELEASE); }

static VkBool32 VKAPI on_message(uint32_t severity, uint32_t types, const VkDebugUtilsMessengerCallbackData *data, void *user) {
  (void)severity; (void)types;
  vkx_instance *in = user;
  lock(in);
  if (in->nmessages < MESSAGES)
    snprintf(in->messages[in->nmessages++], MESSAGE_SIZE, "%s: %s", data->pMessageIdName ? data->pMessageIdName : "", data->pMessage ? data->pMessage : "");
  else
    in->nlost++;
  unlock(in);
  return 0; // never abort the call that caused it
}

int vkx_take_messages(vkx_instance *in, char *out, uint32_t size) {
  char *end = out + size;
  lock(in);
  int lost = (int)in->nlost;
  for (uint32_t i = 0; i < in->nmessages; i++) {
    size_t n = strlen(in->messages[i]) + 1;
    if (n > 1 && (size_t)(end - out) > n) { memcpy(out, in->messages[i], n); out += n; } else lost++;
  }
  in->nmessages = in->nlost = 0;
  unlock(in);
  *out = 0;
  return lost;
}

vkx_instance *vkx_instance_new(uint64_t instance, int messages) {
  vkx_instance *in = calloc(1, sizeof *in);
  if (!in) return NULL;
  in->handle = (void *)instance;
#define X(ret, name, args, old) \
  in->name = (ret(VKAPI *) args)gipa(in->handle, #name); \
  if (!in->name && *old) in->name = (ret(VKAPI *) args)gipa(in->handle, old);
  INSTANCE_FUNCTIONS(X)
#undef X
  if (!in->vkGetPhysicalDeviceProperties2 || !in->vkGetPhysicalDeviceFeatures2 || !in->vkGetPhysicalDeviceMemoryProperties2 || !in->vkGetDeviceProcAddr) {
    free(in); // a loader older than Vulkan 1.1
    return NULL;
  }
  if (messages && in->vkCreateDebugUtilsMessengerEXT) {
    VkDebugUtilsMessengerCreateInfo ci = {.sType = ST_DEBUG_UTILS_MESSENGER_CREATE_INFO, .messageSeverity = 0x1100 /* warning, error */, .messageType = 0x6 /* validation, performance */, .pfnUserCallback = on_message, .pUserData = in};
    in->vkCreateDebugUtilsMessengerEXT(in->handle, &ci, NULL, &in->messenger);
  }
  return in;
}

void vkx_instance_free(vkx_instance *in) {
  if (in->messenger) in->vkDestroyDebugUtilsMessengerEXT(in->handle, in->messenger, NULL);
  free(in);
}

// LIST runs the two calls of an enumeration: how many, then the elements. A list that grew in between is cut, not overrun.
#define LIST(r, n, p, init, CALL) \
  do { \
    (r) = CALL(NULL); \
    if ((r) < 0 || *(n) == 0) break; \
    (p) = calloc(*(n), sizeof *(p)); \
    if (!(p)) { (r) = VK_ERROR_OUT_OF_HOST_MEMORY; *(n) = 0; break; } \
    for (uint32_t i_ = 0; i_ < *(n); i_++) { init; } \
    (r) = CALL(p); \
    if ((r) < 0) { free(p); (p) = NULL; *(n) = 0; } \
  } while (0)

int vkx_physical_devices(vkx_instance *in, uint64_t **out, uint32_t *n) {
  VkResult r;
  void **p = NULL;
  *n = 0;
#define CALL(dst) in->vkEnumeratePhysicalDevices(in->handle, n, dst)
  LIST(r, n, p, , CALL);
#undef CALL
  *out = (uint64_t *)p;
  return r;
}

uint32_t vkx_api_version(vkx_instance *in, uint64_t pd) {
  VkPhysicalDeviceProperties p;
  in->vkGetPhysicalDeviceProperties((void *)pd, &p);
  return p.apiVersion;
}

int vkx_extensions(vkx_instance *in, uint64_t pd, char (**names)[256], uint32_t *n) {
  VkResult r;
  VkExtensionProperties *p = NULL;
  *n = 0; *names = NULL;
#define CALL(dst) in->vkEnumerateDeviceExtensionProperties((void *)pd, NULL, n, dst)
  LIST(r, n, p, , CALL);
#undef CALL
  if (p) {
    *names = calloc(*n, sizeof **names);
    if (!*names) { free(p); *n = 0; return VK_ERROR_OUT_OF_HOST_MEMORY; }
    for (uint32_t i = 0; i < *n; i++) memcpy((*names)[i], p[i].extensionName, 256);
    free(p);
  }
  return r;
}

void vkx_get_properties(vkx_instance *in, uint64_t pd, uint32_t which, vkx_properties *o) {
  VkPhysicalDeviceProperties2 p = {.sType = ST_PROPERTIES_2};
  VkPhysicalDeviceIDProperties id = {.sType = ST_ID_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties sg = {.sType = ST_SUBGROUP_PROPERTIES};
  VkPhysicalDeviceMaintenance3Properties m3 = {.sType = ST_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceDriverProperties dr = {.sType = ST_DRIVER_PROPERTIES};
  VkPhysicalDeviceSubgroupSizeControlProperties sc = {.sType = ST_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceMaintenance4Properties m4 = {.sType = ST_MAINTENANCE_4_PROPERTIES};
  VkPhysicalDeviceShaderIntegerDotProductProperties dot = {.sType = ST_DOT_PRODUCT_PROPERTIES};
  VkPhysicalDeviceExternalMemoryHostProperties hm = {.sType = ST_EXTERNAL_MEMORY_HOST_PROPERTIES};
  VkPhysicalDeviceCooperativeMatrix2Properties cm = {.sType = ST_COOPERATIVE_MATRIX_2_PROPERTIES};
#define CHAIN(s, cond) if (cond) { s.pNext = p.pNext; p.pNext = &s; }
  in->vkGetPhysicalDeviceProperties((void *)pd, &p.properties);
  int v11 = p.properties.apiVersion >= (1u << 22 | 1u << 12);
  CHAIN(id, v11) CHAIN(sg, v11) CHAIN(m3, v11)
  CHAIN(dr, which & VKX_PROP_DRIVER) CHAIN(sc, which & VKX_PROP_SUBGROUP_SIZE) CHAIN(m4, which & VKX_PROP_MAINTENANCE4)
  CHAIN(dot, which & VKX_PROP_DOT) CHAIN(hm, which & VKX_PROP_HOST_MEMORY) CHAIN(cm, which & VKX_PROP_MATRIX2)
  if (v11) in->vkGetPhysicalDeviceProperties2((void *)pd, &p);
  const VkPhysicalDeviceProperties *q = &p.properties;
  const VkPhysicalDeviceLimits *l = &q->limits;
  memset(o, 0, sizeof *o);
  o->api = q->apiVersion; o->driverVersion = q->driverVersion; o->vendor = q->vendorID; o->device = q->deviceID; o->type = q->deviceType; o->driverID = dr.driverID;
  memcpy(o->name, q->deviceName, 255); memcpy(o->driverName, dr.driverName, 255); memcpy(o->driverInfo, dr.driverInfo, 255);
  memcpy(o->cacheUUID, q->pipelineCacheUUID, 16); memcpy(o->deviceUUID, id.deviceUUID, 16); memcpy(o->driverUUID, id.driverUUID, 16);
  o->shared = l->maxComputeSharedMemorySize; o->invocations = l->maxComputeWorkGroupInvocations; o->push = l->maxPushConstantsSize;
  memcpy(o->groupSize, l->maxComputeWorkGroupSize, 12); memcpy(o->groupCount, l->maxComputeWorkGroupCount, 12);
  o->storageRange = l->maxStorageBufferRange; o->allocations = l->maxMemoryAllocationCount; o->granularity = l->bufferImageGranularity;
  o->storageAlign = l->minStorageBufferOffsetAlignment; o->atom = l->nonCoherentAtomSize; o->copyAlign = l->optimalBufferCopyOffsetAlignment; o->period = l->timestampPeriod;
  o->allocationSize = m3.maxMemoryAllocationSize; o->bufferSize = m4.maxBufferSize; o->hostAlign = hm.minImportedHostPointerAlignment;
  o->subgroup = sg.subgroupSize; o->subgroupStages = sg.supportedStages; o->subgroupOps = sg.supportedOperations;
  o->subgroupMin = sc.minSubgroupSize; o->subgroupMax = sc.maxSubgroupSize; o->requiredStages = sc.requiredSubgroupSizeStages;
  o->workgroupSubgroups = sc.maxComputeWorkgroupSubgroups;
  memcpy(o->dot, dot.accelerated, sizeof o->dot); o->flexibleMax = cm.maxDimension;
}

// chain_features lays out n feature structures, the one of sType 1 (VkPhysicalDeviceFeatures) as the head. Free the result.
static FeatureStructure *chain_features(uint32_t n, const uint32_t *sTypes, const uint32_t *counts, const uint32_t *bits) {
  FeatureStructure *f = calloc((size_t)n + 1, sizeof *f);
  if (!f) return NULL;
  f->sType = ST_FEATURES_2;
  for (uint32_t i = 0, j = 1; i < n; bits += counts[i++]) {
    FeatureStructure *s = f;
    if (sTypes[i] != 1) { s = f + j++; s->sType = sTypes[i]; s->pNext = f->pNext; f->pNext = s; }
    memcpy(s->bits, bits, counts[i] * sizeof *bits);
  }
  return f;
}

int vkx_get_features(vkx_instance *in, uint64_t pd, uint32_t n, const uint32_t *sTypes, const uint32_t *counts, uint32_t *bits) {
  FeatureStructure *f = chain_features(n, sTypes, counts, bits);
  if (!f) return VK_ERROR_OUT_OF_HOST_MEMORY;
  in->vkGetPhysicalDeviceFeatures2((void *)pd, f);
  for (uint32_t i = 0, j = 1; i < n; bits += counts[i++]) memcpy(bits, sTypes[i] == 1 ? f->bits : f[j++].bits, counts[i] * sizeof *bits);
  free(f);
  return VK_SUCCESS;
}

void vkx_get_memory(vkx_instance *in, uint64_t pd, int budget, vkx_memory *o) {
  VkPhysicalDeviceMemoryBudgetProperties b = {.sType = ST_MEMORY_BUDGET_PROPERTIES};
  VkPhysicalDeviceMemoryProperties2 m = {.sType = ST_MEMORY_PROPERTIES_2, .pNext = budget ? &b : NULL};
  in->vkGetPhysicalDeviceMemoryProperties2((void *)pd, &m);
  memset(o, 0, sizeof *o);
  o->nheaps = m.memoryHeapCount < 16 ? m.memoryHeapCount : 16;
  o->ntypes = m.memoryTypeCount < 32 ? m.memoryTypeCount : 32;
  for (uint32_t i = 0; i < o->nheaps; i++) { o->size[i] = m.memoryHeaps[i].size; o->heapFlags[i] = m.memoryHeaps[i].flags; o->budget[i] = b.heapBudget[i]; o->usage[i] = b.heapUsage[i]; }
  for (uint32_t i = 0; i < o->ntypes; i++) { o->typeHeap[i] = m.memoryTypes[i].heapIndex; o->typeFlags[i] = m.memoryTypes[i].propertyFlags; }
}

int vkx_families(vkx_instance *in, uint64_t pd, vkx_family *out, uint32_t max) {
  VkQueueFamilyProperties p[32] = {0};
  uint32_t n = max < 32 ? max : 32;
  in->vkGetPhysicalDeviceQueueFamilyProperties((void *)pd, &n, p);
  for (uint32_t i = 0; i < n; i++) out[i] = (vkx_family){p[i].queueFlags, p[i].queueCount, p[i].timestampValidBits};
  return (int)n;
}

int vkx_matrices(vkx_instance *in, uint64_t pd, int flexible, vkx_matrix **out, uint32_t *n) {
  VkResult r;
  *n = 0; *out = NULL;
#define MATRIX(p, wg) \
  if (p) { \
    *out = calloc(*n, sizeof **out); \
    if (!*out) { *n = 0; r = VK_ERROR_OUT_OF_HOST_MEMORY; } \
    for (uint32_t i = 0; i < *n; i++) (*out)[i] = (vkx_matrix){p[i].M, p[i].N, p[i].K, p[i].A, p[i].B, p[i].C, p[i].Result, p[i].saturating, p[i].scope, wg}; \
    free(p); \
  }
  if (flexible) {
    VkCooperativeMatrixFlexibleDimensionsProperties *p = NULL;
    if (!in->vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV) return VKX_MISSING;
#define CALL(dst) in->vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV((void *)pd, n, dst)
    LIST(r, n, p, p[i_].sType = ST_FLEXIBLE_DIMENSIONS_PROPERTIES, CALL);
#undef CALL
    MATRIX(p, p[i].workgroupInvocations)
  } else {
    VkCooperativeMatrixProperties *p = NULL;
    if (!in->vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR) return VKX_MISSING;
#define CALL(dst) in->vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR((void *)pd, n, dst)
    LIST(r, n, p, p[i_].sType = ST_COOPERATIVE_MATRIX_PROPERTIES, CALL);
#undef CALL
    MATRIX(p, 0)
  }
  return r;
}

int vkx_time_domains(vkx_instance *in, uint64_t pd, uint32_t *out, uint32_t *n) {
  if (!in->vkGetPhysicalDeviceCalibrateableTimeDomainsEXT) return VKX_MISSING;
  return in->vkGetPhysicalDeviceCalibrateableTimeDomainsEXT((void *)pd, n, out);
}

int vkx_create_device(vkx_instance *in, uint64_t pd, uint32_t family, uint32_t nexts, const char *exts, uint32_t n,
                      const uint32_t *sTypes, const uint32_t *counts, const uint32_t *bits, vkx_device **out) {
  const char *names[64];
  if (nexts > 64) return VKX_MALFORMED;
  for (uint32_t i = 0; i < nexts; i++, exts += strlen(exts) + 1) names[i] = exts;
  FeatureStructure *f = chain_features(n, sTypes, counts, bits);
  vkx_device *d = calloc(1, sizeof *d);
  if (!f || !d) { free(f); free(d); return VK_ERROR_OUT_OF_HOST_MEMORY; }
  float priority = 1;
  VkDeviceQueueCreateInfo q = {.sType = ST_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = family, .queueCount = 1, .pQueuePriorities = &priority};
  VkDeviceCreateInfo ci = {.sType = ST_DEVICE_CREATE_INFO, .pNext = f, .queueCreateInfoCount = 1, .pQueueCreateInfos = &q, .enabledExtensionCount = nexts, .ppEnabledExtensionNames = names};
  VkResult r = in->vkCreateDevice((void *)pd, &ci, NULL, &d->handle);
  free(f);
  if (r != VK_SUCCESS) { free(d); return r; }
#define X(ret, name, args, old) \
  d->name = (ret(VKAPI *) args)in->vkGetDeviceProcAddr(d->handle, #name); \
  if (!d->name && *old) d->name = (ret(VKAPI *) args)in->vkGetDeviceProcAddr(d->handle, old);
  DEVICE_FUNCTIONS(X)
#undef X
  if (!d->vkGetBufferDeviceAddress || !d->vkWaitSemaphores || !d->vkGetSemaphoreCounterValue || !d->vkGetDeviceQueue) {
    if (d->vkDestroyDevice) d->vkDestroyDevice(d->handle, NULL);
    free(d);
    return VKX_MISSING;
  }
  d->vkGetDeviceQueue(d->handle, family, 0, &d->queue);
  *out = d;
  return VK_SUCCESS;
}

uint64_t vkx_device_handle(vkx_device *d) { return (uint64_t)d->handle; }
void vkx_device_free(vkx_device *d) { free(d); }

enum { HOST_ALLOCATION = 0x80 }; // VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT

int vkx_create_host_buffer(vkx_device *d, uint64_t size, uint32_t usage, uint64_t *out) {
  VkExternalMemoryBufferCreateInfo e = {.sType = ST_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .handleTypes = HOST_ALLOCATION};
  VkBufferCreateInfo ci = {.sType = ST_BUFFER_CREATE_INFO, .pNext = &e, .size = size, .usage = usage};
  return d->vkCreateBuffer(d->handle, &ci, NULL, out);
}

void vkx_buffer_requirements(vkx_device *d, uint64_t buffer, uint64_t *size, uint64_t *align, uint32_t *types) {
  VkMemoryRequirements q = {0};
  d->vkGetBufferMemoryRequirements(d->handle, buffer, &q);
  *size = q.size; *align = q.alignment; *types = q.memoryTypeBits;
}

uint64_t vkx_buffer_address(vkx_device *d, uint64_t buffer) {
  VkBufferDeviceAddressInfo i = {.sType = ST_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer};
  return d->vkGetBufferDeviceAddress(d->handle, &i);
}

int vkx_allocate(vkx_device *d, uint64_t size, uint32_t type, uint64_t host, uint64_t *out) {
  VkMemoryAllocateFlagsInfo fl = {.sType = ST_MEMORY_ALLOCATE_FLAGS_INFO, .flags = 0x2 /* device address */};
  VkImportMemoryHostPointerInfo im = {.sType = ST_IMPORT_MEMORY_HOST_POINTER_INFO, .handleType = HOST_ALLOCATION, .pHostPointer = (void *)host};
  if (host) fl.pNext = &im;
  VkMemoryAllocateInfo ai = {.sType = ST_MEMORY_ALLOCATE_INFO, .pNext = &fl, .allocationSize = size, .memoryTypeIndex = type};
  return d->vkAllocateMemory(d->handle, &ai, NULL, out);
}

int vkx_host_pointer_types(vkx_device *d, uint64_t host, uint32_t *types) {
  VkMemoryHostPointerProperties p = {.sType = ST_MEMORY_HOST_POINTER_PROPERTIES};
  if (!d->vkGetMemoryHostPointerPropertiesEXT) return VKX_MISSING;
  VkResult r = d->vkGetMemoryHostPointerPropertiesEXT(d->handle, HOST_ALLOCATION, (void *)host, &p);
  *types = p.memoryTypeBits;
  return r;
}

int vkx_create_pipeline(vkx_device *d, uint64_t cache, uint64_t layout, uint64_t module, const char *entry, uint32_t nspec,
                        const uint32_t *ids, const uint32_t *values, uint32_t subgroup, int full, int statistics, uint64_t *out) {
  VkSpecializationMapEntry e[64];
  if (nspec > 64) return VKX_MALFORMED;
  for (uint32_t i = 0; i < nspec; i++) e[i] = (VkSpecializationMapEntry){ids[i], 4 * i, 4};
  VkSpecializationInfo s = {nspec, e, nspec * 4, values};
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo rs = {.sType = ST_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, .requiredSubgroupSize = subgroup};
  VkComputePipelineCreateInfo ci = {.sType = ST_COMPUTE_PIPELINE_CREATE_INFO, .layout = layout, .basePipelineIndex = -1};
  ci.flags = statistics ? 0x40 /* capture statistics */ : 0;
  ci.stage = (VkPipelineShaderStageCreateInfo){.sType = ST_PIPELINE_SHADER_STAGE_CREATE_INFO, .pNext = subgroup ? &rs : NULL, .flags = full ? 0x2 /* require full subgroups */ : 0,
    .stage = 0x20, .module = module, .pName = entry, .pSpecializationInfo = nspec ? &s : NULL};
  *out = 0;
  return d->vkCreateComputePipelines(d->handle, cache, 1, &ci, NULL, out);
}

int vkx_executables(vkx_device *d, uint64_t pipeline, vkx_executable **eo, uint32_t *ne, vkx_statistic **so, uint32_t *ns) {
  VkResult r;
  VkPipelineInfo pi = {.sType = ST_PIPELINE_INFO, .pipeline = pipeline};
  VkPipelineExecutableProperties *p = NULL;
  *eo = NULL; *so = NULL; *ne = *ns = 0;
  if (!d->vkGetPipelineExecutablePropertiesKHR || !d->vkGetPipelineExecutableStatisticsKHR) return VKX_MISSING;
#define CALL(dst) d->vkGetPipelineExecutablePropertiesKHR(d->handle, &pi, ne, dst)
  LIST(r, ne, p, p[i_].sType = ST_PIPELINE_EXECUTABLE_PROPERTIES, CALL);
#undef CALL
  if (!p) return r;
  *eo = calloc(*ne, sizeof **eo);
  if (!*eo) r = VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; r >= 0 && i < *ne; i++) {
    memcpy((*eo)[i].name, p[i].name, 255); memcpy((*eo)[i].description, p[i].description, 255); (*eo)[i].subgroup = p[i].subgroupSize;
    VkPipelineExecutableInfo ei = {.sType = ST_PIPELINE_EXECUTABLE_INFO, .pipeline = pipeline, .executableIndex = i};
    VkPipelineExecutableStatistic *s = NULL;
    uint32_t m = 0, *mp = &m;
#define CALL(dst) d->vkGetPipelineExecutableStatisticsKHR(d->handle, &ei, mp, dst)
    LIST(r, mp, s, s[i_].sType = ST_PIPELINE_EXECUTABLE_STATISTIC, CALL);
#undef CALL
    if (!s) continue;
    vkx_statistic *t = realloc(*so, (*ns + m) * sizeof *t);
    if (!t) { free(s); r = VK_ERROR_OUT_OF_HOST_MEMORY; break; }
    *so = t;
    memset(t + *ns, 0, m * sizeof *t);
    for (uint32_t j = 0; j < m; j++) {
      vkx_statistic *o = t + (*ns)++;
      o->executable = i;
      memcpy(o->name, s[j].name, 255); memcpy(o->description, s[j].description, 255);
      switch (s[j].format) {
        case 0: o->value = s[j].value.b32; break;
        case 1: o->value = (double)s[j].value.i64; break;
        case 2: o->value = (double)s[j].value.u64; break;
        default: o->value = s[j].value.f64;
      }
    }
    free(s);
  }
  free(p);
  if (r < 0) { free(*eo); free(*so); *eo = NULL; *so = NULL; *ne = *ns = 0; }
  return r;
}

int vkx_allocate_command_buffer(vkx_device *d, uint64_t pool, uint64_t *out) {
  VkCommandBufferAllocateInfo ai = {.sType = ST_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool, .commandBufferCount = 1};
  return d->vkAllocateCommandBuffers(d->handle, &ai, (void **)out);
}

void vkx_free_command_buffer(vkx_device *d, uint64_t pool, uint64_t cb) {
  void *p = (void *)cb;
  d->vkFreeCommandBuffers(d->handle, pool, 1, &p);
}

int vkx_begin(vkx_device *d, uint64_t cb) {
  VkCommandBufferBeginInfo bi = {.sType = ST_COMMAND_BUFFER_BEGIN_INFO, .flags = 0x4 /* simultaneous use: submitted again while pending */};
  return d->vkBeginCommandBuffer((void *)cb, &bi);
}

int vkx_end(vkx_device *d, uint64_t cb) { return d->vkEndCommandBuffer((void *)cb); }

// vkx_replay records a stream. A malformed one is a bug of the caller; it is refused rather than read past its end.
int vkx_replay(vkx_device *d, uint64_t cbh, const uint64_t *w, uint64_t n) {
  void *cb = (void *)cbh;
  const uint64_t *end = w + n;
#define NEED(k) if ((uint64_t)(end - w) < (k)) return VKX_MALFORMED
  while (w < end) switch (*w++) {
    case VKX_OP_BIND: NEED(1); d->vkCmdBindPipeline(cb, 1 /* compute */, w[0]); w += 1; break;
    case VKX_OP_PUSH: {
      NEED(3);
      uint64_t words = w[2] / 8 + (w[2] % 8 != 0);
      if (w[2] > 65536) return VKX_MALFORMED;
      NEED(3 + words);
      d->vkCmdPushConstants(cb, w[0], 0x20 /* compute */, (uint32_t)w[1], (uint32_t)w[2], w + 3);
      w += 3 + words;
      break;
    }
    case VKX_OP_DISPATCH: NEED(3); d->vkCmdDispatch(cb, (uint32_t)w[0], (uint32_t)w[1], (uint32_t)w[2]); w += 3; break;
    case VKX_OP_DISPATCH_INDIRECT: NEED(2); d->vkCmdDispatchIndirect(cb, w[0], w[1]); w += 2; break;
    case VKX_OP_BARRIER: {
      NEED(2);
      VkMemoryBarrier b = {.sType = ST_MEMORY_BARRIER, .srcAccessMask = (uint32_t)w[0], .dstAccessMask = (uint32_t)w[1]};
      d->vkCmdPipelineBarrier(cb, (uint32_t)(w[0] >> 32), (uint32_t)(w[1] >> 32), 0, 1, &b, 0, NULL, 0, NULL);
      w += 2;
      break;
    }
    case VKX_OP_COPY: {
      NEED(5);
      VkBufferCopy c = {w[1], w[3], w[4]};
      d->vkCmdCopyBuffer(cb, w[0], w[2], 1, &c);
      w += 5;
      break;
    }
    case VKX_OP_FILL: NEED(4); d->vkCmdFillBuffer(cb, w[0], w[1], w[2], (uint32_t)w[3]); w += 4; break;
    case VKX_OP_UPDATE: {
      NEED(3);
      uint64_t words = w[2] / 8 + (w[2] % 8 != 0);
      if (w[2] > 65536) return VKX_MALFORMED;
      NEED(3 + words);
      d->vkCmdUpdateBuffer(cb, w[0], w[1], w[2], w + 3);
      w += 3 + words;
      break;
    }
    case VKX_OP_TIMESTAMP: NEED(2); d->vkCmdWriteTimestamp(cb, 0x2000 /* bottom of pipe */, w[0], (uint32_t)w[1]); w += 2; break;
    case VKX_OP_RESET_QUERIES: NEED(3); d->vkCmdResetQueryPool(cb, w[0], (uint32_t)w[1], (uint32_t)w[2]); w += 3; break;
    case VKX_OP_BEGIN_LABEL: {
      NEED(1);
      uint64_t words = w[0] / 8 + (w[0] % 8 != 0);
      if (w[0] == 0 || w[0] > 256) return VKX_MALFORMED;
      NEED(1 + words);
      VkDebugUtilsLabel l = {.sType = ST_DEBUG_UTILS_LABEL, .pLabelName = (const char *)(w + 1)};
      if (l.pLabelName[w[0] - 1] != 0) return VKX_MALFORMED;
      if (d->vkCmdBeginDebugUtilsLabelEXT) d->vkCmdBeginDebugUtilsLabelEXT(cb, &l);
      w += 1 + words;
      break;
    }
    case VKX_OP_END_LABEL:
      if (d->vkCmdEndDebugUtilsLabelEXT) d->vkCmdEndDebugUtilsLabelEXT(cb);
      break;
    case VKX_OP_BEGIN_CONDITIONAL: {
      NEED(2);
      if (!d->vkCmdBeginConditionalRenderingEXT || !d->vkCmdEndConditionalRenderingEXT) return VKX_MISSING;
      VkConditionalRenderingBeginInfo c = {.sType = ST_CONDITIONAL_RENDERING_BEGIN_INFO, .buffer = w[0], .offset = w[1]};
      d->vkCmdBeginConditionalRenderingEXT(cb, &c);
      w += 2;
      break;
    }
    case VKX_OP_END_CONDITIONAL: d->vkCmdEndConditionalRenderingEXT(cb); break;
    default: return VKX_MALFORMED;
  }
  return VK_SUCCESS;
}

int vkx_create_timeline(vkx_device *d, uint64_t *out) {
  VkSemaphoreTypeCreateInfo t = {.sType = ST_SEMAPHORE_TYPE_CREATE_INFO, .semaphoreType = 1 /* timeline */};
  VkSemaphoreCreateInfo ci = {.sType = ST_SEMAPHORE_CREATE_INFO, .pNext = &t};
  return d->vkCreateSemaphore(d->handle, &ci, NULL, out);
}

int vkx_submit(vkx_device *d, const uint64_t *cbs, uint32_t n, uint64_t semaphore, uint64_t value) {
  VkTimelineSemaphoreSubmitInfo t = {.sType = ST_TIMELINE_SEMAPHORE_SUBMIT_INFO, .signalCount = 1, .pSignalValues = &value};
  VkSubmitInfo si = {.sType = ST_SUBMIT_INFO, .pNext = &t, .commandBufferCount = n, .pCommandBuffers = (void *const *)cbs, .signalSemaphoreCount = 1, .pSignalSemaphores = &semaphore};
  return d->vkQueueSubmit(d->queue, 1, &si, 0);
}

int vkx_wait(vkx_device *d, uint64_t semaphore, uint64_t value, uint64_t timeout) {
  VkSemaphoreWaitInfo wi = {.sType = ST_SEMAPHORE_WAIT_INFO, .semaphoreCount = 1, .pSemaphores = &semaphore, .pValues = &value};
  return d->vkWaitSemaphores(d->handle, &wi, timeout);
}

int vkx_counter(vkx_device *d, uint64_t semaphore, uint64_t *value) { return d->vkGetSemaphoreCounterValue(d->handle, semaphore, value); }

int vkx_query_results(vkx_device *d, uint64_t pool, uint32_t first, uint32_t n, uint64_t *out, int wait) {
  return d->vkGetQueryPoolResults(d->handle, pool, first, n, (size_t)n * 8, out, 8, 0x1 /* 64 bit */ | (wait ? 0x2 : 0));
}

void vkx_reset_queries(vkx_device *d, uint64_t pool, uint32_t first, uint32_t n) {
  if (d->vkResetQueryPool) d->vkResetQueryPool(d->handle, pool, first, n);
}

int vkx_calibrated(vkx_device *d, uint32_t domain, uint64_t out[3]) {
  VkCalibratedTimestampInfo i[2] = {{.sType = ST_CALIBRATED_TIMESTAMP_INFO, .timeDomain = 0 /* device */}, {.sType = ST_CALIBRATED_TIMESTAMP_INFO, .timeDomain = domain}};
  if (!d->vkGetCalibratedTimestampsEXT) return VKX_MISSING;
  return d->vkGetCalibratedTimestampsEXT(d->handle, 2, i, out, out + 2);
}

uint64_t vkx_host_clock(void) {
#ifdef _WIN32
  return 0;
#else
  struct timespec t;
  return clock_gettime(CLOCK_MONOTONIC, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}
