// Nibbles and a fifth bit; the least value, -dmin min, is added to all.
#define GROUP 32
#define OFFSET 1
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint at = 176u * (g >> 4), j = g >> 1 & 7u, piece = 16u * (g & 1u);
  vec2 k = scaleMin(wordsAt4(row, at), j);
  uvec4 q = wordsAt4(row, at + 48u + 32u * (j >> 1) + piece) >> (4u * (j & 1u)) & 0x0f0f0f0fu;
  return Bytes(q | (wordsAt4(row, at + 16u + piece) >> j & 0x01010101u) << 4, vec2(k.x, -k.y));
}
#include "../parts/bytes_pairs.glsl"
