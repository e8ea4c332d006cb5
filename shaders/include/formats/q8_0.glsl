// Q8_0: 32 elements: binary16 d, 32 int8 q.   x = d q
// File: 34 bytes, d first. Planes: q, d.
#define BLOCK_LEN 32
#define Row U32In
#include "../parts/words.glsl"
float scaleOf(Row row, uint block) { return halfAt(row, 32u * rowBlocks + 2u * block); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uvec2 q = wordsAt2(row, 8u * seg);
  float d = scaleOf(row, seg >> 2);
  a = d * signed4(q.x);
  b = d * signed4(q.y);
}
uvec2 segments(uint unit) { return uvec2(2u * unit, 2u * unit + 1u); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uvec4 q = wordsAt4(row, 16u * unit);
  float d = scaleOf(row, unit >> 1);
  v[0] = d * signed4(q.x);
  v[1] = d * signed4(q.y);
  v[2] = d * signed4(q.z);
  v[3] = d * signed4(q.w);
}
