// Coordinates of codebook points with their signs.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
float scaleOf(Row row, uint unit, uint w) { return halfAt(row, 64u * rowBlocks + 2u * (unit >> 3)) * (0.5 + float(w >> 28)) * 0.25; }
uvec4 points2(uint indices, uint signs) {
  return iq2Sixteen(codebookPoint(indices & 255u), codebookPoint(indices >> 8 & 255u), evenSigns(signs) | evenSigns(signs >> 7) << 8);
}
Bytes bytes16(Row row, uint g) {
  uvec2 w = wordsAt2(row, 8u * (g >> 1));
  uint h = g & 1u;
  return Bytes(points2(w.x >> (16u * h), w.y >> (14u * h)), vec2(scaleOf(row, g >> 1, w.y), 0));
}
#include "../parts/bytes_contiguous.glsl"
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec2 w = wordsAt2(row, 8u * unit);
  vec2 k = vec2(scaleOf(row, unit, w.y), 0);
  a = Bytes(points2(w.x, w.y), k);
  b = Bytes(points2(w.x >> 16, w.y >> 14), k);
}
