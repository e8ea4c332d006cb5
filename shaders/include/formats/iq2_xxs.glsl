// IQ2_XXS: 256 elements in 66 bytes, 2-byte aligned: binary16 d, then for each 32 elements four bytes of codebook indices and
// 32 bits of four times seven signs with a 4-bit scale at the top.   x = d (scale + 1/2)/4 (+-point)      codebook of 256
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "signs.glsl"
#include "iq2_points.glsl"
#include "codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 66u * (seg >> 5), k = seg & 31u, g = at + 2u + 8u * (k >> 2), w = longAt(row, g + 4u);
  float d = halfAt(row, at) * (0.5 + float(w >> 28)) * 0.25;
  iq2Point(codebookPoint(byteAt(row, g + (k & 3u))), d, evenSigns(w >> (7u * (k & 3u))), a, b);
}
#include "contiguous.glsl"
