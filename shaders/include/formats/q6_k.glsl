// Q6_K: 256 elements: 128 bytes of low nibbles, 64 bytes of pairs of high bits, 16 int8 scales, binary16 d. In each half h of 128
// elements, element 32k+i takes its nibble from byte 64h + 32(k&1) + i (the high one when k > 1) and bits 2k, 2k+1 of high byte
// 32h + i.   x = d scale (q - 32)      one scale for each 16 elements
// File: 210 bytes, in this order. Planes: all but d, d.
// A unit of 16 elements is 8 low bytes: two segments 64 elements apart.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
// part decodes segment s (of 32) of a block from its low and high words.
void part(Row row, uint block, uint s, uvec2 low, uvec2 high, out vec4 a, out vec4 b) {
  uint k = s >> 2 & 3u, nib = 4u * (k >> 1), bits = 2u * k;
  int scale = int(byteAt(row, 208u * block + 192u + (s >> 1)) << 24) >> 24;
  float d = halfAt(row, 208u * rowBlocks + 2u * block) * float(scale);
  uvec2 q = low >> nib & 0x0f0f0f0fu | (high >> bits & 0x03030303u) << 4;
  a = d * (vec4(bytes4(q.x)) - 32.0);
  b = d * (vec4(bytes4(q.y)) - 32.0);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 208u * block, s = seg & 31u, h = s >> 4, k = s >> 2 & 3u, i = s & 3u;
  part(row, block, s, wordsAt2(row, at + 64u * h + 32u * (k & 1u) + 8u * i), wordsAt2(row, at + 128u + 32u * h + 8u * i), a, b);
}
uvec2 segments(uint unit) {
  uint u = unit & 15u;
  return uvec2(32u * (unit >> 4) + 16u * (u >> 3) + (u & 7u)) + uvec2(0, 8);
}
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint block = unit >> 4, at = 208u * block, u = unit & 15u, h = u >> 3, i = u & 7u; // byte 8i of the 64 low bytes of half h
  uvec2 low = wordsAt2(row, at + 64u * h + 8u * i), high = wordsAt2(row, at + 128u + 32u * h + 8u * (i & 3u));
  part(row, block, 16u * h + i, low, high, v[0], v[1]);
  part(row, block, 16u * h + i + 8u, low, high, v[2], v[3]);
}
