// Two bits less 1.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) {
  uvec4 b = bytes4(wordAt(row, 4u * g));
  return Bytes(less(uvec4(apart2(b.x), apart2(b.y), apart2(b.z), apart2(b.w)), 1u), vec2(halfAt(row, 16u * rowBlocks + 2u * (g >> 2)), 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
