// Eighths: eight times a point's coordinates, and one up or down.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint at = 56u * (g >> 4), t = g & 15u, nibbles = byteAt(row, at + 32u + t), low = shortAt(row, at + 2u * t);
  uvec2 w = wordsAt2(row, at + 48u);
  uint top = (w.x >> 12 & 15u) | w.x >> 28 << 4 | (w.y >> 12 & 15u) << 8 | w.y >> 28 << 12;
  uint scale = (t < 8u ? w.x : w.y) >> (16u * (t >> 2 & 1u) + 3u * (t & 3u)) & 7u;
  uint a = low & 255u | (nibbles & 7u) << 8, b = low >> 8 | (nibbles >> 4 & 7u) << 8;
  uvec4 q = less(iq1Eighths(a, b, ~uvec2(nibbles >> 3, nibbles >> 7) & 1u), 9u);
  return Bytes(q, vec2(halfToFloat(top) * float(1u + 2u * scale) * 0.125, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
