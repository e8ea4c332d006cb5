// Q5_K: 256 elements in 176 bytes: 16 bytes of scales and mins (scale_min.glsl), 32 bytes of high bits, 128 bytes of nibbles laid
// out as in Q4_K. Bit j of high byte i belongs to element 32j+i.   x = d scale q - dmin min      one pair for each 32 elements
// Rows begin at multiples of 16 bytes, as in the file.
// A unit of 16 elements is 8 bytes: two segments 32 elements apart.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/scale_min.glsl"
vec4 four(vec2 k, uint q, uint h, uint j) { return k.x * vec4(bytes4(q >> (4u * (j & 1u)) & 0x0f0f0f0fu | (h >> j & 0x01010101u) << 4)) - k.y; }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 176u * (seg >> 5), s = seg & 31u, j = s >> 2, piece = 8u * (s & 3u);
  vec2 k = scaleMin(wordsAt4(row, at), j);
  uvec2 q = wordsAt2(row, at + 48u + 32u * (j >> 1) + piece), h = wordsAt2(row, at + 16u + piece);
  a = four(k, q.x, h.x, j);
  b = four(k, q.y, h.y, j);
}
uvec2 segments(uint unit) { return uvec2(8u * (unit >> 2) + (unit & 3u)) + uvec2(0, 4); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint at = 176u * (unit >> 4), u = unit & 15u, j = u >> 2, piece = 8u * (u & 3u);
  uvec4 head = wordsAt4(row, at);
  vec2 k0 = scaleMin(head, 2u * j), k1 = scaleMin(head, 2u * j + 1u);
  uvec2 q = wordsAt2(row, at + 48u + 32u * j + piece), h = wordsAt2(row, at + 16u + piece);
  v[0] = four(k0, q.x, h.x, 2u * j);
  v[1] = four(k0, q.y, h.y, 2u * j);
  v[2] = four(k1, q.x, h.x, 2u * j + 1u);
  v[3] = four(k1, q.y, h.y, 2u * j + 1u);
}
