/* Lists the Vulkan devices of this machine, one a line: type, tab, name, tab, Vulkan version. Exit 1 when there is none.
 * It is the tests' independent eye: it shares no code with the engine, so a fault there cannot make the tests skip.
 * It needs no Vulkan headers; the few declarations below follow the Vulkan specification, chapters 4 and 5. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void *(*get_proc)(void *instance, const char *name);
struct app_info { int32_t type; const void *next; const char *app; uint32_t app_version; const char *engine; uint32_t engine_version, api_version; };
struct create_info { int32_t type; const void *next; uint32_t flags; const struct app_info *app; uint32_t num_layers; const char *const *layers; uint32_t num_extensions; const char *const *extensions; };
/* The head of VkPhysicalDeviceProperties, 824 bytes in all; the tail (limits) is not read. */
struct properties { uint32_t api, driver, vendor, device; int32_t type; char name[256]; uint64_t rest[128]; };

int main(void) {
	static const char *const kinds[] = {"other", "integrated", "discrete", "virtual", "cpu"};
	void *lib = dlopen("libvulkan.so.1", RTLD_NOW), *instance = 0, *device[16];
	uint32_t n = 16;
	if (!lib) { fprintf(stderr, "no Vulkan loader: %s\n", dlerror()); return 1; }
	get_proc proc = (get_proc)dlsym(lib, "vkGetInstanceProcAddr");
	if (!proc) { fprintf(stderr, "libvulkan.so.1 is no Vulkan loader\n"); return 1; }
	int32_t (*create)(const struct create_info *, const void *, void **) = proc(0, "vkCreateInstance");
	struct app_info app = {0, 0, "devices", 1, "devices", 1, (1u << 22) | (2u << 12)};
	struct create_info info = {1, 0, 0, &app, 0, 0, 0, 0};
	int32_t r = create(&info, 0, &instance);
	if (r) { fprintf(stderr, "no Vulkan driver: vkCreateInstance: result %d\n", r); return 1; }
	int32_t (*enumerate)(void *, uint32_t *, void **) = proc(instance, "vkEnumeratePhysicalDevices");
	void (*properties)(void *, struct properties *) = proc(instance, "vkGetPhysicalDeviceProperties");
	r = enumerate(instance, &n, device);
	if (r < 0 || n == 0) { fprintf(stderr, "no Vulkan device: vkEnumeratePhysicalDevices: result %d, %u devices\n", r, n); return 1; }
	for (uint32_t i = 0; i < n; i++) {
		struct properties p;
		memset(&p, 0, sizeof p);
		properties(device[i], &p);
		printf("%s\t%s\t%u.%u.%u\n", p.type >= 0 && p.type < 5 ? kinds[p.type] : "other", p.name, p.api >> 22 & 127, p.api >> 12 & 1023, p.api & 4095);
	}
	return 0;
}
