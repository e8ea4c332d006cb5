// Twice the values of e2m1.glsl are whole numbers, and halfScale is half of the scale.
#define GROUP 16
#define OFFSET 0
#define TOGETHER 0
uvec4 levelsOf(uvec2 w) {
  return uvec4(levelBytes(w.x), levelBytes(w.y), levelBytes(w.x >> 4), levelBytes(w.y >> 4));
}
Bytes bytes16(Row row, uint g) { return Bytes(levelsOf(wordsAt2(row, 8u * g)), vec2(halfScale(byteAt(row, 32u * rowBlocks + g)), 0)); }
#include "../parts/bytes_contiguous.glsl"
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec4 w = wordsAt4(row, 16u * unit);
  a = Bytes(levelsOf(w.xy), vec2(halfScale(byteAt(row, 32u * rowBlocks + 2u * unit)), 0));
  b = Bytes(levelsOf(w.zw), vec2(halfScale(byteAt(row, 32u * rowBlocks + 2u * unit + 1u)), 0));
}
