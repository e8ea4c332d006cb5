// Q3_K: 256 elements in 110 bytes, 2-byte aligned: 32 bytes of high bits, 64 bytes of two low bits laid out as in Q2_K, 12
// bytes of sixteen 6-bit scales, binary16 d. Bit 4h+k of high byte i belongs to element 128h+32k+i. Scale j has its low four
// bits in the low (j < 8) or high nibble of byte j mod 8, its top two in bits 2(j/4) and above of byte 8 + j mod 4.
//   x = d (scale - 32) (q - 4)      one scale for each 16 elements; q has three bits
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 110u * (seg >> 5), s = seg & 31u, g = s >> 1, i = 16u * (g & 1u) + 8u * (s & 1u);
  uint low = byteAt(row, at + 96u + (g & 7u)) >> (4u * (g >> 3)) & 15u, top = byteAt(row, at + 104u + (g & 3u)) >> (2u * (g >> 2)) & 3u;
  float d = halfAt(row, at + 108u) * (float(low | top << 4) - 32.0);
  uint q = at + 32u + 32u * (g >> 3) + i, h = at + i, shift = 2u * (g >> 1 & 3u), bit = g >> 1;
  a = d * (vec4(bytes4(row, q) >> shift & 3u | (bytes4(row, h) >> bit & 1u) << 2) - 4.0);
  b = d * (vec4(bytes4(row, q + 4u) >> shift & 3u | (bytes4(row, h + 4u) >> bit & 1u) << 2) - 4.0);
}
#include "contiguous.glsl"
