// Coordinates of codebook points with their signs.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
Bytes bytes16(Row row, uint g) {
  uint w = wordAt(row, 4u * g), scale = byteAt(row, 64u * rowBlocks + (g >> 1)) >> (4u * (g & 1u)) & 15u;
  float d = halfAt(row, 72u * rowBlocks + 2u * (g >> 4)) * (0.5 + float(scale)) * 0.25;
  return Bytes(iq2Sixteen(codebookPoint(w & 511u), codebookPoint(w >> 16 & 511u), evenSigns(w >> 9) | evenSigns(w >> 25) << 8), vec2(d, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
