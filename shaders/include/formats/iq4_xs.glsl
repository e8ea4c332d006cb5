// IQ4_XS: 256 elements in 136 bytes, 2-byte aligned: binary16 d, a word with the two high bits of each of eight scales, 4
// bytes with their low nibbles, then eight times 16 bytes of nibbles as in IQ4_NL.
//   x = d (scale - 32) level(q)      one scale for each 32 elements
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "iq4_levels.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 136u * (seg >> 5), s = seg & 31u, g = s >> 2, p = s & 3u;
  uint scale = byteAt(row, at + 4u + (g >> 1)) >> (4u * (g & 1u)) & 15u | (wordAt(row, at + 2u) >> (2u * g) & 3u) << 4;
  float d = halfAt(row, at) * (float(scale) - 32.0);
  uint q = at + 8u + 16u * g + 8u * (p & 1u), shift = 4u * (p >> 1);
  a = d * levels4(bytes4(row, q) >> shift & 15u);
  b = d * levels4(bytes4(row, q + 4u) >> shift & 15u);
}
#include "contiguous.glsl"
