// F16: one binary16 per element. Rows begin at multiples of 16 bytes.
#define BLOCK_LEN 1
#define Row U32In
#include "../parts/words.glsl"
float decode1(Row row, uint k) { return halfAt(row, 2u * k); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uvec4 w = wordsAt4(row, 16u * seg);
  a = vec4(unpackHalf2x16(w.x), unpackHalf2x16(w.y));
  b = vec4(unpackHalf2x16(w.z), unpackHalf2x16(w.w));
}
#include "../parts/contiguous.glsl"
