// TQ1_0: 256 elements in 54 bytes, 2-byte aligned: 48 bytes of five ternary digits each, 4 bytes of four, binary16 d. Digit n
// of byte b is 3 (3^n b mod 256) / 256. Of the first 32 bytes element 32n+i is digit n of byte i; of the next 16 it is
// 160+16n+i; of the last four 240+4n+i.   x = d (digit - 1)
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
#include "bytes.glsl"
const uint POW3[5] = uint[5](1u, 3u, 9u, 27u, 81u);
vec4 digits4(uvec4 b, uint n) { return vec4((b * POW3[n] & 255u) * 3u >> 8) - 1.0; }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 54u * (seg >> 5), s = seg & 31u;
  float d = halfAt(row, at + 52u);
  if (s >= 30u) { // the last four bytes, two digits of each
    uvec4 q = bytes4(row, at + 48u);
    a = d * digits4(q, 2u * (s - 30u));
    b = d * digits4(q, 2u * (s - 30u) + 1u);
    return;
  }
  uint t = s - 20u, n = s < 20u ? s >> 2 : t >> 1, q = at + (s < 20u ? 8u * (s & 3u) : 32u + 8u * (t & 1u));
  a = d * digits4(bytes4(row, q), n);
  b = d * digits4(bytes4(row, q + 4u), n);
}
#include "contiguous.glsl"
