// Q2_0: 64 elements: binary16 d, 16 bytes with two bits an element, lowest first.   x = d (q - 1)
// File: 18 bytes, in this order. Planes: bits, d.
#define BLOCK_LEN 64
#define Row U32In
#include "../parts/words.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint bits = shortAt(row, 2u * seg);
  float d = halfAt(row, 16u * rowBlocks + 2u * (seg >> 3));
  a = d * (vec4(uvec4(bits) >> uvec4(0, 2, 4, 6) & 3u) - 1.0);
  b = d * (vec4(uvec4(bits) >> uvec4(8, 10, 12, 14) & 3u) - 1.0);
}
#include "../parts/contiguous.glsl"
