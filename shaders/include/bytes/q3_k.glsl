// Three bits less 4.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 96u * block, t = g & 15u, scales = 96u * rowBlocks + 12u * block;
  uint low = byteAt(row, scales + (t & 7u)) >> (4u * (t >> 3)) & 15u, top = byteAt(row, scales + 8u + (t & 3u)) >> (2u * (t >> 2)) & 3u;
  float d = halfAt(row, 108u * rowBlocks + 2u * block) * (float(low | top << 4) - 32.0);
  uvec4 q = wordsAt4(row, at + 32u + 32u * (t >> 3) + 16u * (t & 1u)) >> (2u * (t >> 1 & 3u)) & 0x03030303u;
  return Bytes(less(q | (wordsAt4(row, at + 16u * (t & 1u)) >> (t >> 1) & 0x01010101u) << 2, 4u), vec2(d, 0));
}
#include "../parts/bytes_pairs.glsl"
