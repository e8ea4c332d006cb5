// Q1_0: 128 elements in 18 bytes, 2-byte aligned: binary16 d, then one bit an element, lowest first.   x = d or -d
#include "../half.glsl"
#define BLOCK_LEN 128
#define Row U16In
#include "bytes.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 18u * (seg >> 4), bits = byteAt(row, at + 2u + (seg & 15u));
  float d = halfAt(row, at);
  a = d * (2.0 * vec4(uvec4(bits) >> uvec4(0, 1, 2, 3) & 1u) - 1.0);
  b = d * (2.0 * vec4(uvec4(bits) >> uvec4(4, 5, 6, 7) & 1u) - 1.0);
}
#include "contiguous.glsl"
