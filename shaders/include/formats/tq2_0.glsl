// TQ2_0: 256 elements in 66 bytes, 2-byte aligned: 64 bytes of 2-bit q, binary16 d. In each half of 128 elements, element
// 32k+i has its q in bits 2k and 2k+1 of byte i.   x = d (q - 1)
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 66u * (seg >> 5), s = seg & 31u, g = s >> 2, q = at + 32u * (g >> 2) + 8u * (s & 3u), shift = 2u * (g & 3u);
  float d = halfAt(row, at + 64u);
  a = d * (vec4(bytes4(row, q) >> shift & 3u) - 1.0);
  b = d * (vec4(bytes4(row, q + 4u) >> shift & 3u) - 1.0);
}
#include "contiguous.glsl"
