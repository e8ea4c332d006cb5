// IQ3_XXS: 256 elements in 98 bytes, 2-byte aligned: binary16 d, 64 bytes of indices of points of four, then for each 32
// elements 32 bits of four times seven signs with a 4-bit scale at the top.   x = d (scale + 1/2)/2 (+-point)  codebook of 256
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "signs.glsl"
#include "codebook.glsl"
// Coordinates are 4, 12, ..., 52 and 62.
vec4 point4(uint index) {
  uvec4 q = uvec4(codebookPoint(index)) >> uvec4(0, 3, 6, 9) & 7u;
  return 4.0 + 8.0 * vec4(q) + 2.0 * vec4(q / 7u);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 98u * (seg >> 5), k = seg & 31u, w = longAt(row, at + 66u + 4u * (k >> 2)), signs = evenSigns(w >> (7u * (k & 3u)));
  float d = halfAt(row, at) * (0.5 + float(w >> 28)) * 0.5;
  uint index = wordAt(row, at + 2u + 2u * k);
  a = turned(d * point4(index & 255u), signs);
  b = turned(d * point4(index >> 8), signs >> 4);
}
#include "contiguous.glsl"
