// IQ4_XS: 256 elements: binary16 d, a word with the two high bits of each of eight scales, 4 bytes with their low nibbles, eight
// times 16 bytes of nibbles as in IQ4_NL.   x = d (scale - 32) level(q)      one scale for each 32 elements
// File: 136 bytes, in this order. Planes: nibbles, d and scales.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/iq4_levels.glsl"
float scaleOf(Row row, uint group) { // of 32 elements
  uvec2 head = wordsAt2(row, 128u * rowBlocks + 8u * (group >> 3));
  uint g = group & 7u, scale = head.y >> (4u * g) & 15u | (head.x >> (16u + 2u * g) & 3u) << 4;
  return halfToFloat(head.x & 0xffffu) * (float(scale) - 32.0);
}
#include "../parts/halves.glsl"
