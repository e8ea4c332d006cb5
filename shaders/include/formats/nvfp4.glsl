// NVFP4: 64 elements in 36 bytes, 2-byte aligned: four UE4M3 scales, one for each 16 elements, then 8 bytes for each of the
// four; their low nibbles are the first eight of its elements, their high nibbles the others.   x = UE4M3(s) E2M1(q)
#define BLOCK_LEN 64
#define Row U16In
#include "../half.glsl"
#include "bytes.glsl"
#include "e2m1.glsl"
// halfScale is half of the value of an 8-bit float without sign, four exponent bits of bias 7; the code of NaN stands for 0.
float halfScale(uint s) {
  uint e = s >> 3 & 15u;
  float m = float(s & 7u);
  if (s == 0x7fu) return 0.0;
  if (e == 0u) return m * 0.0009765625;
  return (1.0 + m * 0.125) * uintBitsToFloat((e + 119u) << 23);
}
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 36u * (seg >> 3), g = seg >> 1 & 3u, q = at + 4u + 8u * g, shift = 4u * (seg & 1u);
  float d = halfScale(byteAt(row, at + g));
  a = d * fours4(bytes4(row, q) >> shift & 15u);
  b = d * fours4(bytes4(row, q + 4u) >> shift & 15u);
}
#include "contiguous.glsl"
