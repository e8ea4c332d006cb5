// matmul_halves: rows in half precision for matmul_coop and matmul_half, each scaled by a power of two so that its largest
// number lies in [2^TOP, 2^(TOP+1)): whatever the range of x, nothing overflows, and what underflows is 2^-(25+TOP) of the row's
// largest at most.
//   halves[r,i] = half(x[r,i] s[r]) for i < k, 0 up to kp;   back[r] = 1 / s[r]
// Shapes    x [rows, k] f32 row-major; halves [rows, kp] f16 row-major, kp = k rounded up to 8; back [rows] f32 after them
// Params    addresses; rows; k in elements
// Spec      0 WG: power of two, 8 to 256   1 TOP: 13 for factors whose products are float32, less where they are halves too
// Grid      rows, folded into y; one workgroup per row, columns past WG walked in strides
// Shared    4 WG bytes
// Source    scaling by powers of two is exact: Higham and Mary, Mixed precision algorithms in numerical linear algebra, 2022, 9
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/memory.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint TOP = 13;

layout(push_constant) uniform Params {
  F32In x;
  U32Out o; // pairs of halves
  uint rows;
  uint k;
};

shared float largest[WG];

void main() {
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  uint at = r * k, pairs = (k + 7u) / 8u * 4u;
  float m = 0.0;
  for (uint c = lane; c < k; c += WG) m = max(m, abs(x.v[at + c]));
  largest[lane] = m;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // what the level above found is written before this level reads it
    if (lane < n) largest[lane] = max(largest[lane], largest[lane + n]);
  }
  barrier(); // the largest is written before everyone reads it
  int shift = clamp(int(127u + TOP) - int(floatBitsToUint(largest[0]) >> 23), -126, 126);
  float s = uintBitsToFloat(uint(127 + shift) << 23);
  for (uint c = lane; c < pairs; c += WG) {
    uint i = 2u * c;
    float a = i < k ? x.v[at + i] : 0.0, b = i + 1u < k ? x.v[at + i + 1u] : 0.0;
    o.v[r * pairs + c] = packFloat2x16(f16vec2(a * s, b * s));
  }
  if (lane == 0u) o.v[rows * pairs + r] = uint(127 - shift) << 23;
}
