// IQ1_S: 256 elements: binary16 d, 32 bytes of the low eight index bits, then for each 32 elements 16 bits of four times three
// high index bits, a 3-bit scale, and the direction.   x = d (1 + 2 scale) (point +- 1/8)
// File: 50 bytes, in this order. Planes: all but d, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/iq1_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 48u * block, k = seg & 31u, w = shortAt(row, at + 32u + 2u * (k >> 2));
  uint index = byteAt(row, at + k) | (w >> (3u * (k & 3u)) & 7u) << 8;
  iq1Point(index, halfAt(row, 48u * rowBlocks + 2u * block) * float(1u + 2u * (w >> 12 & 7u)), w >> 15 == 1u, a, b);
}
#include "../parts/contiguous.glsl"
