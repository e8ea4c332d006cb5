// IQ3_S: 256 elements: binary16 d, 64 bytes of the low eight index bits, 8 bytes of the ninth, 32 bytes of signs, 4 bytes of
// 4-bit scales, one for each 32 elements.   x = d (1 + 2 scale) (+-point)      codebook of 512
// File: 110 bytes, in this order. Planes: low bits, signs, ninth bits, scales, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/signs.glsl"
#include "../parts/codebook.glsl"
// Coordinates are 1, 3, ..., 15.
uint pointBytes(uint index) { return (apart3(codebookPoint(index)) << 1) + 0x01010101u; }
#include "../parts/iq3_points.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint low = shortAt(row, 2u * seg), signs = byteAt(row, 64u * rowBlocks + seg);
  uint high = byteAt(row, 96u * rowBlocks + (seg >> 2)) >> (2u * (seg & 3u));
  uint scale = byteAt(row, 104u * rowBlocks + (seg >> 3)) >> (4u * (seg >> 2 & 1u)) & 15u;
  float d = halfAt(row, 108u * rowBlocks + 2u * (seg >> 5)) * float(1u + 2u * scale);
  a = d * turned(point4(low & 255u | (high & 1u) << 8), signs);
  b = d * turned(point4(low >> 8 | (high >> 1 & 1u) << 8), signs >> 4);
}
#include "../parts/contiguous.glsl"
