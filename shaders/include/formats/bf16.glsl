// BF16: the upper half of a float per element, 2 bytes, 2-byte aligned.
#include "../half.glsl"
#define BLOCK_LEN 1
#define Row U16In
float decode1(Row row, uint k) { return bfloatToFloat(uint(row.v[k])); }
vec4 bfloats(Row row, uint k) {
  return vec4(decode1(row, k), decode1(row, k + 1u), decode1(row, k + 2u), decode1(row, k + 3u));
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint k = 8u * seg;
  a = bfloats(row, k);
  b = bfloats(row, k + 4u);
}
#include "contiguous.glsl"
