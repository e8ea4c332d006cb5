// Q8_0: 32 elements in 34 bytes, 2-byte aligned: binary16 d, then 32 int8 q.   x = d q
#include "../half.glsl"
#define BLOCK_LEN 32
#define Row U16In
// bytes2 is two int8 of a 16-bit word, sign-extended.
vec2 bytes2(uint w) { return vec2(bitfieldExtract(int(w), 0, 8), bitfieldExtract(int(w), 8, 8)); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 17u * (seg >> 2), q = at + 1u + 4u * (seg & 3u);
  float d = halfToFloat(uint(row.v[at]));
  a = d * vec4(bytes2(uint(row.v[q])), bytes2(uint(row.v[q + 1u])));
  b = d * vec4(bytes2(uint(row.v[q + 2u])), bytes2(uint(row.v[q + 3u])));
}
#include "contiguous.glsl"
