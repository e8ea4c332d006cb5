// IQ2_S: 256 elements in 82 bytes, 2-byte aligned: binary16 d, 32 bytes of the low eight index bits, 32 bytes of signs, 8
// bytes of two high index bits, 8 bytes of 4-bit scales as in IQ2_XS.   x = d (scale + 1/2)/4 (+-point)   codebook of 1024
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "signs.glsl"
#include "iq2_points.glsl"
#include "codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 82u * (seg >> 5), k = seg & 31u;
  uint index = byteAt(row, at + 2u + k) | (byteAt(row, at + 66u + (k >> 2)) >> (2u * (k & 3u)) & 3u) << 8;
  uint scale = byteAt(row, at + 74u + (k >> 2)) >> (4u * (k >> 1 & 1u)) & 15u;
  iq2Point(codebookPoint(index), halfAt(row, at) * (0.5 + float(scale)) * 0.25, byteAt(row, at + 34u + k), a, b);
}
#include "contiguous.glsl"
