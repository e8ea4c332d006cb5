// TQ1_0: 256 elements: 48 bytes of five ternary digits each, 4 bytes of four, binary16 d. Digit n of byte b is
// 3 (3^n b mod 256) / 256. Of the first 32 bytes element 32n+i is digit n of byte i; of the next 16 it is 160+16n+i; of the last
// four 240+4n+i.   x = d (digit - 1)
// File: 54 bytes, in this order. Planes: the 48 bytes, the four, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
const uint POW3[5] = uint[5](1u, 3u, 9u, 27u, 81u);
vec4 digits4(uvec4 b, uint n) { return vec4((b * POW3[n] & 255u) * 3u >> 8) - 1.0; }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, s = seg & 31u;
  float d = halfAt(row, 52u * rowBlocks + 2u * block);
  if (s >= 30u) { // the last four bytes, two digits of each
    uvec4 q = bytes4(wordAt(row, 48u * rowBlocks + 4u * block));
    a = d * digits4(q, 2u * (s - 30u));
    b = d * digits4(q, 2u * (s - 30u) + 1u);
    return;
  }
  uint t = s - 20u, n = s < 20u ? s >> 2 : t >> 1;
  uvec2 q = wordsAt2(row, 48u * block + (s < 20u ? 8u * (s & 3u) : 32u + 8u * (t & 1u)));
  a = d * digits4(bytes4(q.x), n);
  b = d * digits4(bytes4(q.y), n);
}
#include "../parts/contiguous.glsl"
