// TQ2_0: 256 elements: 64 bytes of 2-bit q, binary16 d. In each half of 128 elements, element 32k+i has its q in bits 2k and 2k+1
// of byte i.   x = d (q - 1)
// File: 66 bytes, in this order. Planes: q, d.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 5, s = seg & 31u, g = s >> 2, shift = 2u * (g & 3u);
  uvec2 q = wordsAt2(row, 64u * block + 32u * (g >> 2) + 8u * (s & 3u));
  float d = halfAt(row, 64u * rowBlocks + 2u * block);
  a = d * (vec4(bits4(q.x, shift, 3u)) - 1.0);
  b = d * (vec4(bits4(q.y, shift, 3u)) - 1.0);
}
#include "../parts/contiguous.glsl"
