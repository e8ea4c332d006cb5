// vkx: everything of Vulkan that the Go binding lacks or does unsafely. Handles are uint64_t; results are VkResult as int.
// Memory handed out is malloc's, freed by the caller.
#ifndef TUFF_VKX_H
#define TUFF_VKX_H

#include <stdint.h>

// Op codes of the stream that vkx_replay reads: one code, then the arguments named in commands.go.
enum {
  VKX_OP_BIND = 1, VKX_OP_PUSH, VKX_OP_DISPATCH, VKX_OP_DISPATCH_INDIRECT, VKX_OP_BARRIER, VKX_OP_COPY, VKX_OP_FILL,
  VKX_OP_UPDATE, VKX_OP_TIMESTAMP, VKX_OP_RESET_QUERIES, VKX_OP_BEGIN_LABEL, VKX_OP_END_LABEL,
  VKX_OP_BEGIN_CONDITIONAL, VKX_OP_END_CONDITIONAL
};

enum { VKX_MISSING = -2000000001, VKX_MALFORMED = -2000000002 }; // results of our own

enum { VKX_PROP_DRIVER = 1, VKX_PROP_SUBGROUP_SIZE = 2, VKX_PROP_MAINTENANCE4 = 4, VKX_PROP_DOT = 8, VKX_PROP_HOST_MEMORY = 16, VKX_PROP_MATRIX2 = 32 };

typedef struct vkx_instance vkx_instance;
typedef struct vkx_device vkx_device;

typedef struct {
  uint32_t api, driverVersion, vendor, device, type, driverID;
  char name[256], driverName[256], driverInfo[256];
  uint8_t cacheUUID[16], deviceUUID[16], driverUUID[16];
  uint32_t shared, invocations, groupSize[3], groupCount[3], push, storageRange, allocations;
  uint64_t allocationSize, bufferSize, granularity, storageAlign, atom, hostAlign, copyAlign;
  float period;
  uint32_t subgroup, subgroupStages, subgroupOps, subgroupMin, subgroupMax, workgroupSubgroups, requiredStages, dot[30], flexibleMax;
} vkx_properties;

typedef struct { uint32_t nheaps, ntypes; uint64_t size[16], budget[16], usage[16]; uint32_t heapFlags[16], typeHeap[32], typeFlags[32]; } vkx_memory;
typedef struct { uint32_t flags, count, bits; } vkx_family;
typedef struct { uint32_t m, n, k, a, b, c, out, saturating, scope, invocations; } vkx_matrix;
typedef struct { char name[256], description[256]; uint32_t subgroup; } vkx_executable;
typedef struct { uint32_t executable; char name[256], description[256]; double value; } vkx_statistic;

// Loader. vkx_load answers vkGetInstanceProcAddr, or NULL and why.
void *vkx_load(char why[256]);
uint32_t vkx_instance_version(void);
int vkx_has_extension(const char *name);

// Instance.
vkx_instance *vkx_instance_new(uint64_t instance, int messages);
void vkx_instance_free(vkx_instance *); // not the VkInstance
int vkx_physical_devices(vkx_instance *, uint64_t **out, uint32_t *n);
uint32_t vkx_api_version(vkx_instance *, uint64_t pd);
int vkx_extensions(vkx_instance *, uint64_t pd, char (**names)[256], uint32_t *n);
void vkx_get_properties(vkx_instance *, uint64_t pd, uint32_t which, vkx_properties *out);
int vkx_get_features(vkx_instance *, uint64_t pd, uint32_t n, const uint32_t *sTypes, const uint32_t *counts, uint32_t *bits);
void vkx_get_memory(vkx_instance *, uint64_t pd, int budget, vkx_memory *out);
int vkx_families(vkx_instance *, uint64_t pd, vkx_family *out, uint32_t max);
int vkx_matrices(vkx_instance *, uint64_t pd, int flexible, vkx_matrix **out, uint32_t *n);
int vkx_time_domains(vkx_instance *, uint64_t pd, uint32_t *out, uint32_t *n);
int vkx_take_messages(vkx_instance *, char *out, uint32_t size); // how many were lost; out holds nul-ended strings, then ""
int vkx_create_device(vkx_instance *, uint64_t pd, uint32_t family, uint32_t nexts, const char *exts, uint32_t n,
                      const uint32_t *sTypes, const uint32_t *counts, const uint32_t *bits, vkx_device **out);

// Device.
uint64_t vkx_device_handle(vkx_device *);
void vkx_device_free(vkx_device *); // not the VkDevice
int vkx_create_host_buffer(vkx_device *, uint64_t size, uint32_t usage, uint64_t *out);
void vkx_buffer_requirements(vkx_device *, uint64_t buffer, uint64_t *size, uint64_t *align, uint32_t *types);
uint64_t vkx_buffer_address(vkx_device *, uint64_t buffer);
int vkx_allocate(vkx_device *, uint64_t size, uint32_t type, uint64_t host, uint64_t *out);
int vkx_host_pointer_types(vkx_device *, uint64_t host, uint32_t *types);
int vkx_create_pipeline(vkx_device *, uint64_t cache, uint64_t layout, uint64_t module, const char *entry, uint32_t nspec,
                        const uint32_t *ids, const uint32_t *values, uint32_t subgroup, int full, int statistics, uint64_t *out);
int vkx_executables(vkx_device *, uint64_t pipeline, vkx_executable **e, uint32_t *ne, vkx_statistic **s, uint32_t *ns);
int vkx_allocate_command_buffer(vkx_device *, uint64_t pool, uint64_t *out);
void vkx_free_command_buffer(vkx_device *, uint64_t pool, uint64_t cb);
int vkx_begin(vkx_device *, uint64_t cb);
int vkx_replay(vkx_device *, uint64_t cb, const uint64_t *words, uint64_t n);
int vkx_end(vkx_device *, uint64_t cb);
int vkx_create_timeline(vkx_device *, uint64_t *out);
int vkx_submit(vkx_device *, const uint64_t *cbs, uint32_t n, uint64_t semaphore, uint64_t value);
int vkx_wait(vkx_device *, uint64_t semaphore, uint64_t value, uint64_t timeout);
int vkx_counter(vkx_device *, uint64_t semaphore, uint64_t *value);
int vkx_query_results(vkx_device *, uint64_t pool, uint32_t first, uint32_t n, uint64_t *out, int wait);
void vkx_reset_queries(vkx_device *, uint64_t pool, uint32_t first, uint32_t n);
int vkx_calibrated(vkx_device *, uint32_t domain, uint64_t out[3]); // device, host, deviation
uint64_t vkx_host_clock(void);

#endif
