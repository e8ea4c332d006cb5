// Q4_K: 256 elements in 144 bytes, 4-byte aligned: binary16 d and dmin, 12 bytes of eight 6-bit (scale, min) pairs, 128
// bytes of nibbles: byte 32j+i holds element 64j+i in its low and 64j+32+i in its high nibble.
//   x = d scale q - dmin min      one pair for each 32 elements
// A unit of 16 elements is 8 bytes: two segments 32 elements apart.
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U32In
#include "scale_min.glsl"
vec4 nibbles4(uint w, uint shift) { return vec4(uvec4(w, w >> 8, w >> 16, w >> 24) >> shift & 15u); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 36u * (seg >> 5), s = seg & 31u, j = s >> 2; // pair j of 8, piece s&3 of its four segments
  vec2 k = scaleMin(row, at, j);
  uint q = at + 4u + 8u * (j >> 1) + 2u * (s & 3u), shift = 4u * (j & 1u);
  a = k.x * nibbles4(row.v[q], shift) - k.y;
  b = k.x * nibbles4(row.v[q + 1u], shift) - k.y;
}
uvec2 segments(uint unit) { return uvec2(8u * (unit >> 2) + (unit & 3u)) + uvec2(0, 4); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint at = 36u * (unit >> 4), u = unit & 15u, j = u >> 2;
  vec2 k0 = scaleMin(row, at, 2u * j), k1 = scaleMin(row, at, 2u * j + 1u);
  uint q = at + 4u + 8u * j + 2u * (u & 3u);
  uint w0 = row.v[q], w1 = row.v[q + 1u];
  v[0] = k0.x * nibbles4(w0, 0u) - k0.y;
  v[1] = k0.x * nibbles4(w1, 0u) - k0.y;
  v[2] = k1.x * nibbles4(w0, 4u) - k1.y;
  v[3] = k1.x * nibbles4(w1, 4u) - k1.y;
}
