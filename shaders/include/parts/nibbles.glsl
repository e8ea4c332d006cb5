// nibbles: the common form of Q4_0, Q4_1, Q5_0 and Q5_1: 32 elements: binary16 d (and m, when MIN is 1), 32 high bits (when HIGH
// is 1), 16 bytes of nibbles: byte i holds element i in its low and element i+16 in its high nibble; high bit i belongs to
// element i.
//   MIN 0:  x = d (q - ZERO)      MIN 1:  x = d q + m
// File: in this order. Planes: nibbles, high bits, d and m.
// A unit of 16 elements is segment h and h+2 of a block: they share their 8 bytes.
#define BLOCK_LEN 32
#define Row U32In
#include "words.glsl"
// levels are the eight nibbles at shift 0 or 4 of two words, with their high bits.
void levels(uvec2 w, uint shift, uint high, out vec4 a, out vec4 b) {
  w = w >> shift & 0x0f0f0f0fu;
#if HIGH
  w |= uvec2(apart1(high & 15u), apart1(high >> 4 & 15u)) << 4;
#endif
  a = vec4(bytes4(w.x));
  b = vec4(bytes4(w.y));
}
// highBits are those of a block.
uint highBits(Row row, uint block) {
#if HIGH
  return wordAt(row, 16u * rowBlocks + 4u * block);
#else
  return 0u;
#endif
}
// scaleOf is d, and m or -d ZERO: what a level is multiplied by and what is added.
vec2 scaleOf(Row row, uint block) {
#if MIN
  return unpackHalf2x16(wordAt(row, (16u + 4u * HIGH) * rowBlocks + 4u * block));
#else
  float d = halfAt(row, (16u + 4u * HIGH) * rowBlocks + 2u * block);
  return vec2(d, -d * float(ZERO));
#endif
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 2, s = seg & 3u;
  vec2 k = scaleOf(row, block);
  levels(wordsAt2(row, 16u * block + 8u * (s & 1u)), 4u * (s >> 1), highBits(row, block) >> (8u * s), a, b);
  a = k.x * a + k.y;
  b = k.x * b + k.y;
}
uvec2 segments(uint unit) { return uvec2(4u * (unit >> 1) + (unit & 1u)) + uvec2(0, 2); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint block = unit >> 1, h = unit & 1u, high = highBits(row, block) >> (8u * h);
  uvec2 w = wordsAt2(row, 16u * block + 8u * h);
  vec2 k = scaleOf(row, block);
  levels(w, 0u, high, v[0], v[1]);
  levels(w, 4u, high >> 16, v[2], v[3]);
  [[unroll]] for (uint i = 0; i < 4u; i++) v[i] = k.x * v[i] + k.y;
}
