// Q5_K: 256 elements in 176 bytes, 4-byte aligned: binary16 d and dmin, 12 bytes of scales and mins (scale_min.glsl), 32
// bytes of high bits, 128 bytes of nibbles laid out as in Q4_K. Bit j of high byte i belongs to element 32j+i.
//   x = d scale q - dmin min      one pair for each 32 elements; q has five bits
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U32In
#include "scale_min.glsl"
vec4 fives(Row row, uint q, uint h, uint j) {
  return vec4(spread4(row.v[q], 4u * (j & 1u), 15u) | spread4(row.v[h], j, 1u) << 4);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 44u * (seg >> 5), s = seg & 31u, j = s >> 2, piece = 2u * (s & 3u);
  vec2 k = scaleMin(row, at, j);
  uint q = at + 12u + 8u * (j >> 1) + piece, h = at + 4u + piece;
  a = k.x * fives(row, q, h, j) - k.y;
  b = k.x * fives(row, q + 1u, h + 1u, j) - k.y;
}
#include "contiguous.glsl"
