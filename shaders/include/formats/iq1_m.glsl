// IQ1_M: 256 elements in 56 bytes, 2-byte aligned: 32 bytes of the low eight index bits, 16 bytes of nibbles with three high
// index bits and the direction for each 8 elements, four words of four 3-bit scales, one for each 16 elements, whose top
// nibbles together are the binary16 d, lowest first.   x = d (1 + 2 scale) (point +- 1/8)
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "iq1_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 56u * (seg >> 5), k = seg & 31u, top = 0u;
  [[unroll]] for (uint i = 0; i < 4u; i++) top |= wordAt(row, at + 48u + 2u * i) >> 12 << (4u * i);
  uint nibble = byteAt(row, at + 32u + (k >> 1)) >> (4u * (k & 1u)) & 15u;
  uint scale = wordAt(row, at + 48u + 2u * (k >> 3)) >> (3u * (k >> 1 & 3u)) & 7u;
  iq1Point(byteAt(row, at + k) | (nibble & 7u) << 8, halfToFloat(top) * float(1u + 2u * scale), (nibble & 8u) != 0u, a, b);
}
#include "contiguous.glsl"
