// one: element k of a row of weights by itself, for kernels whose matrices ask for elements one by one. To be included behind
// format.glsl. Most formats of files have a way of their own, of a few instructions; others decode the segment it is in.
#ifndef ONE_GLSL
#define ONE_GLSL
#if BLOCK_LEN != 1
// bitsAt are the bits under a mask of a byte, from bit shift on.
uint bitsAt(Row row, uint at, uint shift, uint mask) { return byteAt(row, at) >> shift & mask; }
#endif

float decodeOne(Row row, uint k) {
#if BLOCK_LEN == 1
  return decode1(row, k);
#elif defined(FORMAT_Q8_0)
  return scaleOf(row, k >> 5) * float(int(byteAt(row, k) << 24) >> 24);
#elif defined(FORMAT_Q4_0) || defined(FORMAT_Q4_1) || defined(FORMAT_Q5_0) || defined(FORMAT_Q5_1)
  uint block = k >> 5, i = k & 31u, q = bitsAt(row, 16u * block + (i & 15u), 4u * (i >> 4), 15u);
#if HIGH
  q |= (highBits(row, block) >> i & 1u) << 4;
#endif
  vec2 s = scaleOf(row, block);
  return s.x * float(q) + s.y;
#elif defined(FORMAT_Q4_K)
  uint at = 144u * (k >> 8), j = k >> 5 & 7u, q = bitsAt(row, at + 16u + 32u * (j >> 1) + (k & 31u), 4u * (j & 1u), 15u);
  vec2 s = scaleMin(wordsAt4(row, at), j);
  return s.x * float(q) - s.y;
#elif defined(FORMAT_Q5_K)
  uint at = 176u * (k >> 8), j = k >> 5 & 7u, q = bitsAt(row, at + 48u + 32u * (j >> 1) + (k & 31u), 4u * (j & 1u), 15u);
  q |= bitsAt(row, at + 16u + (k & 31u), j, 1u) << 4;
  vec2 s = scaleMin(wordsAt4(row, at), j);
  return s.x * float(q) - s.y;
#elif defined(FORMAT_Q6_K)
  uint at = 208u * (k >> 8), h = k >> 7 & 1u, j = k >> 5 & 3u, i = k & 31u;
  uint q = bitsAt(row, at + 64u * h + 32u * (j & 1u) + i, 4u * (j >> 1), 15u);
  q |= bitsAt(row, at + 128u + 32u * h + i, 2u * j, 3u) << 4;
  int scale = int(byteAt(row, at + 192u + (k >> 4 & 15u)) << 24) >> 24;
  return halfAt(row, 208u * rowBlocks + 2u * (k >> 8)) * float(scale) * (float(q) - 32.0);
#else
  vec4 a, b;
  decode8(row, k >> 3, a, b);
  return (k & 4u) != 0u ? b[k & 3u] : a[k & 3u];
#endif
}
#endif
