// bytes_nibbles: the bytes of nibbles.glsl. MIN 0: q - ZERO; MIN 1: q, and m is added. A unit of 32 elements is a block.
#define GROUP 32
#define OFFSET MIN
#define TOGETHER 1
// levelsOf are 16 nibbles at shift 0 or 4, with their high bits.
uvec4 levelsOf(uvec4 w, uint shift, uint high) {
  uvec4 q = w >> shift & 0x0f0f0f0fu;
#if HIGH
  // The four products of bit i by 2^0, 2^7, 2^14 and 2^21 put it at 8 i once, and no two at the same place.
  q |= (uvec4(high, high >> 4, high >> 8, high >> 12) & 15u) * 0x00204081u << 4 & 0x10101010u;
#endif
#if MIN
  return q;
#else
  return less(q, ZERO);
#endif
}
vec2 scaleAndMin(Row row, uint block) { return vec2(scaleOf(row, block).x, MIN == 1 ? scaleOf(row, block).y : 0.0); }
Bytes bytes16(Row row, uint g) {
  uint block = g >> 1, half_ = g & 1u;
  return Bytes(levelsOf(wordsAt4(row, 16u * block), 4u * half_, highBits(row, block) >> (16u * half_)), scaleAndMin(row, block));
}
#include "bytes_contiguous.glsl"
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec4 w = wordsAt4(row, 16u * unit);
  uint high = highBits(row, unit);
  vec2 k = scaleAndMin(row, unit);
  a = Bytes(levelsOf(w, 0u, high), k);
  b = Bytes(levelsOf(w, 4u, high >> 16), k);
}
