// F16: one binary16 per element, 2 bytes, 2-byte aligned.
#include "../half.glsl"
#define BLOCK_LEN 1
#define Row U16In
float decode1(Row row, uint k) { return halfToFloat(uint(row.v[k])); }
vec2 halves(Row row, uint k) { return unpackHalf2x16(uint(row.v[k]) | uint(row.v[k + 1u]) << 16); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint k = 8u * seg;
  a = vec4(halves(row, k), halves(row, k + 2u));
  b = vec4(halves(row, k + 4u), halves(row, k + 6u));
}
#include "contiguous.glsl"
