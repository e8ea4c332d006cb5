// IQ2_S: 256 elements: binary16 d, 32 bytes of the low eight index bits, 32 bytes of signs, 8 bytes of two high index bits, 8
// bytes of 4-bit scales as in IQ2_XS.   x = d (scale + 1/2)/4 (+-point)   codebook of 1024
// File: 82 bytes, in this order. Planes: all but d, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/signs.glsl"
#include "../parts/iq2_points.glsl"
#include "../parts/codebook.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, at = 80u * block, k = seg & 31u;
  uint index = byteAt(row, at + k) | (byteAt(row, at + 64u + (k >> 2)) >> (2u * (k & 3u)) & 3u) << 8;
  uint scale = byteAt(row, at + 72u + (k >> 2)) >> (4u * (k >> 1 & 1u)) & 15u;
  float d = halfAt(row, 80u * rowBlocks + 2u * block) * (0.5 + float(scale)) * 0.25;
  iq2Point(codebookPoint(index), d, byteAt(row, at + 32u + k), a, b);
}
#include "../parts/contiguous.glsl"
