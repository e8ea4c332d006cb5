// F32: one IEEE float per element, 4 bytes, 4-byte aligned. Rows lie as in the file.
#define BLOCK_LEN 1
#define Row F32In
#define decode1(row, k) ((row).v[k])
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint k = 8u * seg;
  a = vec4(row.v[k], row.v[k + 1u], row.v[k + 2u], row.v[k + 3u]);
  b = vec4(row.v[k + 4u], row.v[k + 5u], row.v[k + 6u], row.v[k + 7u]);
}
#include "../parts/contiguous.glsl"
