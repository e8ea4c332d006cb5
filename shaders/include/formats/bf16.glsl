// BF16: the upper half of a float per element. Rows begin at multiples of 16 bytes.
#define BLOCK_LEN 1
#define Row U32In
#include "../parts/words.glsl"
float decode1(Row row, uint k) { return bfloatToFloat(shortAt(row, 2u * k)); }
vec4 bfloats(uvec2 w) { return uintBitsToFloat(uvec4(w.x << 16, w.x & 0xffff0000u, w.y << 16, w.y & 0xffff0000u)); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uvec4 w = wordsAt4(row, 16u * seg);
  a = bfloats(w.xy);
  b = bfloats(w.zw);
}
#include "../parts/contiguous.glsl"
