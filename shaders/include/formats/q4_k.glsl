// Q4_K: 256 elements in 144 bytes: 16 bytes of scales and mins (scale_min.glsl), 128 bytes of nibbles: byte 32j+i holds
// element 64j+i in its low and 64j+32+i in its high nibble.   x = d scale q - dmin min      one pair for each 32 elements
// Rows begin at multiples of 16 bytes, as in the file.
// A unit of 16 elements is 8 bytes: two segments 32 elements apart.
#define BLOCK_LEN 256
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/scale_min.glsl"
vec4 four(vec2 k, uint w, uint shift) { return k.x * vec4(bits4(w, shift, 15u)) - k.y; }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 144u * (seg >> 5), s = seg & 31u, j = s >> 2; // pair j of 8, piece s&3 of its four segments
  vec2 k = scaleMin(wordsAt4(row, at), j);
  uvec2 q = wordsAt2(row, at + 16u + 32u * (j >> 1) + 8u * (s & 3u));
  a = four(k, q.x, 4u * (j & 1u));
  b = four(k, q.y, 4u * (j & 1u));
}
uvec2 segments(uint unit) { return uvec2(8u * (unit >> 2) + (unit & 3u)) + uvec2(0, 4); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint at = 144u * (unit >> 4), u = unit & 15u, j = u >> 2;
  uvec4 head = wordsAt4(row, at);
  vec2 k0 = scaleMin(head, 2u * j), k1 = scaleMin(head, 2u * j + 1u);
  uvec2 q = wordsAt2(row, at + 16u + 32u * j + 8u * (u & 3u));
  v[0] = four(k0, q.x, 0u);
  v[1] = four(k0, q.y, 0u);
  v[2] = four(k1, q.x, 4u);
  v[3] = four(k1, q.y, 4u);
}
