// NVFP4: 64 elements: four UE4M3 scales, one for each 16 elements, then 8 bytes for each of the four; their low nibbles are the
// first eight of its elements, their high nibbles the others.   x = UE4M3(s) E2M1(q)
// File: 36 bytes, in this order. Planes: nibbles, scales.
#define BLOCK_LEN 64
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/e2m1.glsl"
// halfScale is half of the value of an 8-bit float without sign, four exponent bits of bias 7; the code of NaN stands for 0.
float halfScale(uint s) {
  uint e = s >> 3 & 15u;
  float m = float(s & 7u);
  if (s == 0x7fu) return 0.0;
  if (e == 0u) return m * 0.0009765625;
  return (1.0 + m * 0.125) * uintBitsToFloat((e + 119u) << 23);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint g = seg >> 1, shift = 4u * (seg & 1u);
  uvec2 q = wordsAt2(row, 8u * g);
  float d = halfScale(byteAt(row, 32u * rowBlocks + g));
  a = d * signed4(levelBytes(q.x >> shift));
  b = d * signed4(levelBytes(q.y >> shift));
}
uvec2 segments(uint unit) { return uvec2(2u * unit, 2u * unit + 1u); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uvec2 q = wordsAt2(row, 8u * unit);
  float d = halfScale(byteAt(row, 32u * rowBlocks + unit));
  v[0] = d * signed4(levelBytes(q.x));
  v[1] = d * signed4(levelBytes(q.y));
  v[2] = d * signed4(levelBytes(q.x >> 4u));
  v[3] = d * signed4(levelBytes(q.y >> 4u));
}
