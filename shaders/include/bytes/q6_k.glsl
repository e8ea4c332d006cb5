// Six bits less 32.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 208u * block, h = g >> 3 & 1u, t = g & 7u, k = t >> 1; // 16 elements of part k of half h
  uvec4 low = wordsAt4(row, at + 64u * h + 32u * (k & 1u) + 16u * (t & 1u)) >> (4u * (k >> 1)) & 0x0f0f0f0fu;
  uvec4 high = wordsAt4(row, at + 128u + 32u * h + 16u * (t & 1u)) >> (2u * k) & 0x03030303u;
  int scale = int(byteAt(row, at + 192u + (g & 15u)) << 24) >> 24;
  return Bytes(less(low | high << 4, 32u), vec2(halfAt(row, 208u * rowBlocks + 2u * block) * float(scale), 0));
}
// A unit of 32 elements is groups t and t+4: they are the low and the high nibbles of 16 bytes.
uvec2 sixteens(uint unit) { return uvec2(8u * (unit >> 2) + (unit & 3u)) + uvec2(0, 4); }
#include "../parts/bytes_each.glsl"
