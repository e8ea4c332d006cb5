// Coordinates of codebook points with their signs.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
Bytes bytes16(Row row, uint g) {
  uint high = byteAt(row, 96u * rowBlocks + (g >> 1)) >> (4u * (g & 1u));
  uint scale = byteAt(row, 104u * rowBlocks + (g >> 2)) >> (4u * (g >> 1 & 1u)) & 15u;
  uvec4 index = bytes4(wordAt(row, 4u * g)) | uvec4(high, high >> 1, high >> 2, high >> 3) << 8 & 256u;
  float d = halfAt(row, 108u * rowBlocks + 2u * (g >> 4)) * float(1u + 2u * scale);
  return Bytes(iq3Sixteen(index, shortAt(row, 64u * rowBlocks + 2u * g)), vec2(d, 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
