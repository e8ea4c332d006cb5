// IQ3_S: 256 elements in 110 bytes, 2-byte aligned: binary16 d, 64 bytes of the low eight index bits, 8 bytes of the ninth, 32
// bytes of signs, 4 bytes of 4-bit scales, one for each 32 elements.   x = d (1 + 2 scale) (+-point)      codebook of 512
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
#include "signs.glsl"
#include "codebook.glsl"
// Coordinates are 1, 3, ..., 15.
vec4 point4(uint index) { return 1.0 + 2.0 * vec4(uvec4(codebookPoint(index)) >> uvec4(0, 3, 6, 9) & 7u); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 110u * (seg >> 5), k = seg & 31u, low = wordAt(row, at + 2u + 2u * k);
  uint high = byteAt(row, at + 66u + (k >> 2)) >> (2u * (k & 3u)), signs = byteAt(row, at + 74u + k);
  float d = halfAt(row, at) * float(1u + 2u * (byteAt(row, at + 106u + (k >> 3)) >> (4u * (k >> 2 & 1u)) & 15u));
  a = turned(d * point4(low & 255u | (high & 1u) << 8), signs);
  b = turned(d * point4(low >> 8 | (high >> 1 & 1u) << 8), signs >> 4);
}
#include "contiguous.glsl"
