// Coordinates of codebook points with their signs.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 80u * block, t = g & 15u, shift = 4u * (t & 1u);
  uint low = shortAt(row, at + 2u * t), high = byteAt(row, at + 64u + (t >> 1)) >> shift;
  uint a = codebookPoint(low & 255u | (high & 3u) << 8), b = codebookPoint(low >> 8 | (high >> 2 & 3u) << 8);
  uint scale = byteAt(row, at + 72u + (t >> 1)) >> shift & 15u;
  float d = halfAt(row, 80u * rowBlocks + 2u * block) * (0.5 + float(scale)) * 0.25;
  return Bytes(iq2Sixteen(a, b, shortAt(row, at + 32u + 2u * t)), vec2(d, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
