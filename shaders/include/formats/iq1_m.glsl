// IQ1_M: 256 elements in 56 bytes: 32 bytes of the low eight index bits, 16 bytes of nibbles with three high index bits and the
// direction for each 8 elements, four times 16 bits of four 3-bit scales, one for each 16 elements, whose top nibbles together
// are the binary16 d, lowest first.   x = d (1 + 2 scale) (point +- 1/8)
// Rows begin at multiples of 8 bytes, as in the file.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/iq1_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 56u * (seg >> 5), k = seg & 31u;
  uvec2 w = wordsAt2(row, at + 48u);
  uint top = (w.x >> 12 & 15u) | w.x >> 28 << 4 | (w.y >> 12 & 15u) << 8 | w.y >> 28 << 12;
  uint nibble = byteAt(row, at + 32u + (k >> 1)) >> (4u * (k & 1u)) & 15u;
  uint scale = ((k & 16u) == 0u ? w.x : w.y) >> (16u * (k >> 3 & 1u) + 3u * (k >> 1 & 3u)) & 7u;
  iq1Point(byteAt(row, at + k) | (nibble & 7u) << 8, halfToFloat(top) * float(1u + 2u * scale), (nibble & 8u) != 0u, a, b);
}
#include "../parts/contiguous.glsl"
