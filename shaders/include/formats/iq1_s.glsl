// IQ1_S: 256 elements in 50 bytes, 2-byte aligned: binary16 d, 32 bytes of the low eight index bits, then for each 32 elements
// a word of four times three high index bits, a 3-bit scale, and the direction.   x = d (1 + 2 scale) (point +- 1/8)
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "iq1_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 50u * (seg >> 5), k = seg & 31u, w = wordAt(row, at + 34u + 2u * (k >> 2));
  uint index = byteAt(row, at + 2u + k) | (w >> (3u * (k & 3u)) & 7u) << 8;
  iq1Point(index, halfAt(row, at) * float(1u + 2u * (w >> 12 & 7u)), w >> 15 == 1u, a, b);
}
#include "contiguous.glsl"
