// Q2_K: 256 elements: 16 bytes of scale (low nibble) and min (high nibble), 64 bytes of 2-bit q, binary16 d and dmin. In each
// half of 128 elements, element 32k+i has its q in bits 2k and 2k+1 of byte i.
//   x = d scale q - dmin min      one pair for each 16 elements
// File: 84 bytes, in this order. Planes: scales and q, d and dmin.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 80u * block, s = seg & 31u, g = s >> 1, scale = byteAt(row, at + g), shift = 2u * (g >> 1 & 3u);
  vec2 d = unpackHalf2x16(wordAt(row, 80u * rowBlocks + 4u * block)) * vec2(scale & 15u, scale >> 4);
  uvec2 q = wordsAt2(row, at + 16u + 32u * (g >> 3) + 16u * (g & 1u) + 8u * (s & 1u));
  a = d.x * vec4(bits4(q.x, shift, 3u)) - d.y;
  b = d.x * vec4(bits4(q.y, shift, 3u)) - d.y;
}
#include "../parts/contiguous.glsl"
