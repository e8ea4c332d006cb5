// IQ2_XS: 256 elements: binary16 d, 32 times 9 bits of index and 7 of sign, one for each 8 elements, and 8 bytes of 4-bit scales,
// one for each 16.   x = d (scale + 1/2)/4 (+-point)      codebook of 512
// File: 74 bytes, in this order. Planes: indices, scales, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/signs.glsl"
#include "../parts/iq2_points.glsl"
#include "../parts/codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint w = shortAt(row, 2u * seg), scale = byteAt(row, 64u * rowBlocks + (seg >> 2)) >> (4u * (seg >> 1 & 1u)) & 15u;
  float d = halfAt(row, 72u * rowBlocks + 2u * (seg >> 5)) * (0.5 + float(scale)) * 0.25;
  iq2Point(codebookPoint(w & 511u), d, evenSigns(w >> 9), a, b);
}
#include "../parts/contiguous.glsl"
