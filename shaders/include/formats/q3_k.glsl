// Q3_K: 256 elements: 32 bytes of high bits, 64 bytes of two low bits laid out as in Q2_K, 12 bytes of sixteen 6-bit scales,
// binary16 d. Bit 4h+k of high byte i belongs to element 128h+32k+i. Scale j has its low four bits in the low (j < 8) or high
// nibble of byte j mod 8, its top two in bits 2(j/4) and above of byte 8 + j mod 4.
//   x = d (scale - 32) (q - 4)      one scale for each 16 elements; q has three bits
// File: 110 bytes, in this order. Planes: high and low bits, scales, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 96u * block, s = seg & 31u, g = s >> 1, i = 16u * (g & 1u) + 8u * (s & 1u);
  uint scales = 96u * rowBlocks + 12u * block;
  uint low = byteAt(row, scales + (g & 7u)) >> (4u * (g >> 3)) & 15u, top = byteAt(row, scales + 8u + (g & 3u)) >> (2u * (g >> 2)) & 3u;
  float d = halfAt(row, 108u * rowBlocks + 2u * block) * (float(low | top << 4) - 32.0);
  uvec2 q = wordsAt2(row, at + 32u + 32u * (g >> 3) + i), h = wordsAt2(row, at + i);
  uint shift = 2u * (g >> 1 & 3u), bit = g >> 1;
  q = q >> shift & 0x03030303u | (h >> bit & 0x01010101u) << 2;
  a = d * (vec4(bytes4(q.x)) - 4.0);
  b = d * (vec4(bytes4(q.y)) - 4.0);
}
#include "../parts/contiguous.glsl"
