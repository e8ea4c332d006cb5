// Two bits from zero up; the least value, -dmin min, is added to all.
#define GROUP 16
#define OFFSET 1
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 80u * block, t = g & 15u, scale = byteAt(row, at + t);
  vec2 d = unpackHalf2x16(wordAt(row, 80u * rowBlocks + 4u * block)) * vec2(scale & 15u, scale >> 4);
  return Bytes(wordsAt4(row, at + 16u + 32u * (t >> 3) + 16u * (t & 1u)) >> (2u * (t >> 1 & 3u)) & 0x03030303u, vec2(d.x, -d.y));
}
#include "../parts/bytes_pairs.glsl"
