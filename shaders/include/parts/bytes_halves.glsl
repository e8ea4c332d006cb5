// bytes_halves: the bytes of halves.glsl. A unit of 32 elements is what shares a scale.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
uvec4 levelsOf(uvec4 w, uint shift) {
  w >>= shift;
  return uvec4(levelBytes(w.x), levelBytes(w.y), levelBytes(w.z), levelBytes(w.w));
}
Bytes bytes16(Row row, uint g) { return Bytes(levelsOf(wordsAt4(row, 16u * (g >> 1)), 4u * (g & 1u)), vec2(scaleOf(row, g >> 1), 0)); }
#include "bytes_contiguous.glsl"
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec4 w = wordsAt4(row, 16u * unit);
  vec2 k = vec2(scaleOf(row, unit), 0);
  a = Bytes(levelsOf(w, 0u), k);
  b = Bytes(levelsOf(w, 4u), k);
}
