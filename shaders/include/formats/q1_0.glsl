// Q1_0: 128 elements: binary16 d, 16 bytes with one bit an element, lowest first.   x = d or -d
// File: 18 bytes, in this order. Planes: bits, d.
#define BLOCK_LEN 128
#define Row U32In
#include "../parts/words.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint bits = byteAt(row, seg);
  float d = halfAt(row, 16u * rowBlocks + 2u * (seg >> 4));
  a = d * (2.0 * vec4(uvec4(bits) >> uvec4(0, 1, 2, 3) & 1u) - 1.0);
  b = d * (2.0 * vec4(uvec4(bits) >> uvec4(4, 5, 6, 7) & 1u) - 1.0);
}
#include "../parts/contiguous.glsl"
