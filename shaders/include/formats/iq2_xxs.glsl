// IQ2_XXS: 256 elements: binary16 d, then for each 32 elements four bytes of codebook indices and 32 bits of four times seven
// signs with a 4-bit scale at the top.   x = d (scale + 1/2)/4 (+-point)      codebook of 256
// File: 66 bytes, in this order. Planes: all but d, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/signs.glsl"
#include "../parts/iq2_points.glsl"
#include "../parts/codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint k = seg & 3u;
  uvec2 w = wordsAt2(row, 8u * (seg >> 2));
  float d = halfAt(row, 64u * rowBlocks + 2u * (seg >> 5)) * (0.5 + float(w.y >> 28)) * 0.25;
  iq2Point(codebookPoint(w.x >> (8u * k) & 255u), d, evenSigns(w.y >> (7u * k)), a, b);
}
#include "../parts/contiguous.glsl"
