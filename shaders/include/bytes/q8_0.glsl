// Its bytes are signed as they lie.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) { return Bytes(wordsAt4(row, 16u * g), vec2(scaleOf(row, g >> 1), 0)); }
#include "../parts/bytes_contiguous.glsl"
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  a = bytes16(row, 2u * unit);
  b = bytes16(row, 2u * unit + 1u);
}
