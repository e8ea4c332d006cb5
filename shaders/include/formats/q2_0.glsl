// Q2_0: 64 elements in 18 bytes, 2-byte aligned: binary16 d, then two bits an element, lowest first.   x = d (q - 1)
#include "../half.glsl"
#define BLOCK_LEN 64
#define Row U16In
#include "bytes.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 18u * (seg >> 3), bits = wordAt(row, at + 2u + 2u * (seg & 7u));
  float d = halfAt(row, at);
  a = d * (vec4(uvec4(bits) >> uvec4(0, 2, 4, 6) & 3u) - 1.0);
  b = d * (vec4(uvec4(bits) >> uvec4(8, 10, 12, 14) & 3u) - 1.0);
}
#include "contiguous.glsl"
