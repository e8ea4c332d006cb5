// nibbles: the common form of Q4_0, Q4_1, Q5_0 and Q5_1: 32 elements in blocks of WORDS 16-bit words (2-byte aligned):
// binary16 d (and m, when MIN is 1), then 32 high bits (when HIGH is 1), then 16 bytes; byte i holds element i in its low
// and element i+16 in its high nibble; high bit i belongs to element i.
//   MIN 0:  x = d (q - ZERO)      MIN 1:  x = d q + m
// A unit of 16 elements is segment h and h+2 of a block: they share their 8 bytes.
#include "../half.glsl"
#define BLOCK_LEN 32
#define Row U16In
const uint WORDS = 1 + MIN + 2 * HIGH + 8;

// levels are the eight nibbles at shift 0 or 4 of four words, with their high bits.
void levels(uvec4 w, uint shift, uint high, out vec4 a, out vec4 b) {
  uvec4 even = w >> shift & 15u, odd = w >> (shift + 8u) & 15u;
#if HIGH
  even |= (uvec4(high) >> uvec4(0, 2, 4, 6) & 1u) << 4;
  odd |= (uvec4(high) >> uvec4(1, 3, 5, 7) & 1u) << 4;
#endif
  a = vec4(even.x, odd.x, even.y, odd.y);
  b = vec4(even.z, odd.z, even.w, odd.w);
}
uvec4 words(Row row, uint block, uint h) {
  uint q = block * WORDS + (1u + MIN + 2u * HIGH) + 4u * h;
  return uvec4(row.v[q], row.v[q + 1u], row.v[q + 2u], row.v[q + 3u]);
}
// highBits are the eight high bits of segment s.
uint highBits(Row row, uint block, uint s) {
#if HIGH
  return uint(row.v[block * WORDS + 1u + MIN + (s >> 1)]) >> (8u * (s & 1u));
#else
  return 0u;
#endif
}
void scale(Row row, uint block, inout vec4 a, inout vec4 b) {
  float d = halfToFloat(uint(row.v[block * WORDS]));
#if MIN
  float m = halfToFloat(uint(row.v[block * WORDS + 1u]));
  a = d * a + m;
  b = d * b + m;
#else
  a = d * (a - float(ZERO));
  b = d * (b - float(ZERO));
#endif
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint block = seg >> 2, s = seg & 3u;
  levels(words(row, block, s & 1u), 4u * (s >> 1), highBits(row, block, s), a, b);
  scale(row, block, a, b);
}
uvec2 segments(uint unit) { return uvec2(4u * (unit >> 1) + (unit & 1u)) + uvec2(0, 2); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint block = unit >> 1, h = unit & 1u;
  uvec4 w = words(row, block, h);
  levels(w, 0u, highBits(row, block, h), v[0], v[1]);
  levels(w, 4u, highBits(row, block, h + 2u), v[2], v[3]);
  scale(row, block, v[0], v[1]);
  scale(row, block, v[2], v[3]);
}
