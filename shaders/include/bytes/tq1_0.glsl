// Digits less 1: five groups of 32, five of 16, and one of four words.
#define GROUP 32
#define OFFSET 0
#define TOGETHER 1
uvec4 digitBytes(uvec4 w, uvec4 power) {
  uvec4 even = ((w & 0x00ff00ffu) * power & 0x00ff00ffu) * 3u, odd = ((w >> 8 & 0x00ff00ffu) * power & 0x00ff00ffu) * 3u;
  return even >> 8 & 0x00ff00ffu | odd & 0xff00ff00u;
}
Bytes bytes16(Row row, uint g) {
  uint block = g >> 4, t = g & 15u, n = t < 10u ? t >> 1 : t - 10u;
  uvec4 w, power;
  if (t == 15u) {
    w = uvec4(wordAt(row, 48u * rowBlocks + 4u * block));
    power = uvec4(1, 3, 9, 27);
  } else {
    w = wordsAt4(row, 48u * block + (t < 10u ? 16u * (t & 1u) : 32u));
    power = uvec4(n == 4u ? 81u : 0x1b090301u >> (8u * n) & 255u);
  }
  return Bytes(less(digitBytes(w, power), 1u), vec2(halfAt(row, 52u * rowBlocks + 2u * block), 0));
}
#include "../parts/bytes_contiguous.glsl"
#include "../parts/bytes_each.glsl"
