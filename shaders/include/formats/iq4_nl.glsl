// IQ4_NL: 32 elements in 18 bytes, 2-byte aligned: binary16 d, 16 bytes; byte i holds element i in its low and element i+16
// in its high nibble.   x = d level(q)
#include "../half.glsl"
#define BLOCK_LEN 32
#define Row U16In
#include "bytes.glsl"
#include "iq4_levels.glsl"
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 18u * (seg >> 2), s = seg & 3u, q = at + 2u + 8u * (s & 1u), shift = 4u * (s >> 1);
  float d = halfAt(row, at);
  a = d * levels4(bytes4(row, q) >> shift & 15u);
  b = d * levels4(bytes4(row, q + 4u) >> shift & 15u);
}
#include "contiguous.glsl"
