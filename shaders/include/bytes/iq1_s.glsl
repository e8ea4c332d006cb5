// Eighths: eight times a point's coordinates, and one up or down.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 48u * block, t = g & 15u, w = shortAt(row, at + 32u + 2u * (t >> 1)), high = w >> (6u * (t & 1u));
  uint low = shortAt(row, at + 2u * t), a = low & 255u | (high & 7u) << 8, b = low >> 8 | (high >> 3 & 7u) << 8;
  float d = halfAt(row, 48u * rowBlocks + 2u * block) * float(1u + 2u * (w >> 12 & 7u)) * 0.125;
  return Bytes(less(iq1Eighths(a, b, uvec2(1u - (w >> 15))), 9u), vec2(d, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
