// Nibbles from zero up; the least value, -dmin min, is added to all.
#define GROUP 32
#define OFFSET 1
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint at = 144u * (g >> 4), j = g >> 1 & 7u;
  vec2 k = scaleMin(wordsAt4(row, at), j);
  return Bytes(wordsAt4(row, at + 16u + 32u * (j >> 1) + 16u * (g & 1u)) >> (4u * (j & 1u)) & 0x0f0f0f0fu, vec2(k.x, -k.y));
}
#include "../parts/bytes_pairs.glsl"
