// MXFP4: 32 elements in 17 bytes, byte aligned: an E8M0 scale e, then 16 bytes; byte i holds element i in its low and element
// i+16 in its high nibble.   x = 2^(e-127) E2M1(q)
#extension GL_EXT_shader_8bit_storage : require
layout(buffer_reference, std430, buffer_reference_align = 1) restrict readonly buffer U8In { uint8_t v[]; };
#define BLOCK_LEN 32
#define Row U8In
#include "e2m1.glsl"
uvec4 bytes4(Row row, uint at) { return uvec4(uint(row.v[at]), uint(row.v[at + 1u]), uint(row.v[at + 2u]), uint(row.v[at + 3u])); }
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint at = 17u * (seg >> 2), s = seg & 3u, q = at + 1u + 8u * (s & 1u), shift = 4u * (s >> 1), e = uint(row.v[at]);
  // Half of the scale; the two least are subnormal.
  float d = uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23);
  a = d * fours4(bytes4(row, q) >> shift & 15u);
  b = d * fours4(bytes4(row, q + 4u) >> shift & 15u);
}
#include "contiguous.glsl"
