// Q2_K: 256 elements in 84 bytes, 2-byte aligned: 16 bytes of scale (low nibble) and min (high nibble), 64 bytes of 2-bit q,
// binary16 d and dmin. In each half of 128 elements, element 32k+i has its q in bits 2k and 2k+1 of byte i.
//   x = d scale q - dmin min      one pair for each 16 elements
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 84u * (seg >> 5), s = seg & 31u, g = s >> 1, scale = byteAt(row, at + g);
  float d = halfAt(row, at + 80u) * float(scale & 15u), m = halfAt(row, at + 82u) * float(scale >> 4);
  uint q = at + 16u + 32u * (g >> 3) + 16u * (g & 1u) + 8u * (s & 1u), shift = 2u * (g >> 1 & 3u);
  a = d * vec4(bytes4(row, q) >> shift & 3u) - m;
  b = d * vec4(bytes4(row, q + 4u) >> shift & 3u) - m;
}
#include "contiguous.glsl"
