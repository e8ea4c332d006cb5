// Two bits less 1.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, t = g & 15u;
  uvec4 q = wordsAt4(row, 64u * block + 32u * (t >> 3) + 16u * (t & 1u)) >> (2u * (t >> 1 & 3u)) & 0x03030303u;
  return Bytes(less(q, 1u), vec2(halfAt(row, 64u * rowBlocks + 2u * block), 0));
}
#include "../parts/bytes_pairs.glsl"
