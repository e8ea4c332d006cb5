// IQ2_XS: 256 elements in 74 bytes, 2-byte aligned: binary16 d, 32 words of 9 bits of index and 7 of sign, one for each 8
// elements, and 8 bytes of 4-bit scales, one for each 16.   x = d (scale + 1/2)/4 (+-point)      codebook of 512
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "signs.glsl"
#include "iq2_points.glsl"
#include "codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 74u * (seg >> 5), k = seg & 31u, w = wordAt(row, at + 2u + 2u * k);
  uint scale = byteAt(row, at + 66u + (k >> 2)) >> (4u * (k >> 1 & 1u)) & 15u;
  iq2Point(codebookPoint(w & 511u), halfAt(row, at) * (0.5 + float(scale)) * 0.25, evenSigns(w >> 9), a, b);
}
#include "contiguous.glsl"
