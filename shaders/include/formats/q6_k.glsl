// Q6_K: 256 elements in 210 bytes, 2-byte aligned: 128 bytes of low nibbles, 64 bytes of pairs of high bits, 16 int8
// scales, binary16 d. In each half h of 128 elements, element 32k+i takes its nibble from byte 64h + 32(k&1) + i (the high
// one when k > 1) and bits 2k, 2k+1 of high byte 32h + i.
//   x = d scale (q - 32)      one scale for each 16 elements
// A unit of 16 elements is 8 low bytes: two segments 64 elements apart.
#include "../half.glsl"
#define BLOCK_LEN 256
#define Row U16In
uvec4 words4(Row row, uint at) { return uvec4(row.v[at], row.v[at + 1u], row.v[at + 2u], row.v[at + 3u]); }
// part decodes segment s (of 32) of the block at word at from its low and high words.
void part(Row row, uint at, uint s, uvec4 low, uvec4 high, out vec4 a, out vec4 b) {
  uint k = s >> 2 & 3u, nib = 4u * (k >> 1), bits = 2u * k;
  uint scales = uint(row.v[at + 96u + (s >> 2)]); // scale s/2 is byte (s/2)&1 of word s/4
  float d = halfToFloat(uint(row.v[at + 104u])) * float(bitfieldExtract(int(scales), int(8u * (s >> 1 & 1u)), 8));
  vec4 even = vec4((low >> nib & 15u) | (high >> bits & 3u) << 4) - 32.0;
  vec4 odd = vec4((low >> (nib + 8u) & 15u) | (high >> (bits + 8u) & 3u) << 4) - 32.0;
  a = d * vec4(even.x, odd.x, even.y, odd.y);
  b = d * vec4(even.z, odd.z, even.w, odd.w);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 105u * (seg >> 5), s = seg & 31u, h = s >> 4, k = s >> 2 & 3u, i = s & 3u;
  part(row, at, s, words4(row, at + 32u * h + 16u * (k & 1u) + 4u * i), words4(row, at + 64u + 16u * h + 4u * i), a, b);
}
uvec2 segments(uint unit) {
  uint u = unit & 15u;
  return uvec2(32u * (unit >> 4) + 16u * (u >> 3) + (u & 7u)) + uvec2(0, 8);
}
void decode16(Row row, uint unit, out vec4 v[4]) {
  uint at = 105u * (unit >> 4), u = unit & 15u, h = u >> 3, i = u & 7u; // byte 8i of the 64 low bytes of half h
  uvec4 low = words4(row, at + 32u * h + 4u * i), high = words4(row, at + 64u + 16u * h + 4u * (i & 3u));
  part(row, at, 16u * h + i, low, high, v[0], v[1]);
  part(row, at, 16u * h + i + 8u, low, high, v[2], v[3]);
}
