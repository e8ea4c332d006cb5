// Coordinates of codebook points with their signs.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, at = 96u * block, t = g & 15u, w = wordAt(row, at + 64u + 4u * (t >> 1)), signs = w >> (14u * (t & 1u));
  float d = halfAt(row, 96u * rowBlocks + 2u * block) * (0.5 + float(w >> 28)) * 0.5;
  return Bytes(iq3Sixteen(bytes4(wordAt(row, at + 4u * t)), evenSigns(signs) | evenSigns(signs >> 7) << 8), vec2(d, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
