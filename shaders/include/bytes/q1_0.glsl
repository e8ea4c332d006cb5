// Twice the bit less 1.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) {
  uvec4 b = uvec4(shortAt(row, 2u * g)) >> uvec4(0, 4, 8, 12) & 15u;
  b = uvec4(apart1(b.x), apart1(b.y), apart1(b.z), apart1(b.w)) << 1;
  return Bytes(less(b, 1u), vec2(halfAt(row, 16u * rowBlocks + 2u * (g >> 3)), 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
