// IQ3_XXS: 256 elements: binary16 d, 64 bytes of indices of points of four, then for each 32 elements 32 bits of four times seven
// signs with a 4-bit scale at the top.   x = d (scale + 1/2)/2 (+-point)  codebook of 256
// File: 98 bytes, in this order. Planes: all but d, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/signs.glsl"
#include "../parts/codebook.glsl"
// Coordinates are 4, 12, ..., 52 and 62.
uint pointBytes(uint index) {
  uint q = apart3(codebookPoint(index)), last = q & q >> 1 & q >> 2 & 0x01010101u; // 7 is two more than its place
  return (q << 3) + 0x04040404u + (last << 1);
}
#include "../parts/iq3_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 96u * block, k = seg & 31u;
  uint w = wordAt(row, at + 64u + 4u * (k >> 2)), signs = evenSigns(w >> (7u * (k & 3u))), index = shortAt(row, at + 2u * k);
  float d = halfAt(row, 96u * rowBlocks + 2u * block) * (0.5 + float(w >> 28)) * 0.5;
  a = d * turned(point4(index & 255u), signs);
  b = d * turned(point4(index >> 8), signs >> 4);
}
#include "../parts/contiguous.glsl"
