// rmsnorm_halves: rmsnorm of rows whose result leaves in half precision as matmul_halves makes it, and in no other form.
//   y[r,c] = x[r,c] / sqrt(mean_c(x[r,c]^2) + eps) * w[c]
//   halves[r,c] = half(y[r,c] s[r]) for c < width, 0 up to kp;   back[r] = 1 / s[r], the power of two that matmul_halves takes
// Shapes    x [rows, width] f32 row-major; w [width] f32; halves [rows, kp] f16, kp = width rounded up to 8; back [rows] f32
//           after them; the results do not alias x
// Params    addresses; rows; width in elements; eps from model metadata
// Spec      0 WG: power of two, 8 to 256   1 TOP: as matmul_halves
// Grid      rows, folded into y; one workgroup per row, columns past WG walked in strides
// Shared    8 WG bytes; f32 tree reductions, order fixed by WG
// Source    as rmsnorm and matmul_halves; the largest result of a row is the largest x w, so one pass finds both
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/memory.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint TOP = 13;

layout(push_constant) uniform Params {
  F32In x;
  F32In weight;
  U32Out o; // pairs of halves
  uint rows;
  uint width;
  float eps;
};

shared float sums[WG];
shared float largest[WG];

void main() {
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  uint at = r * width, pairs = (width + 7u) / 8u * 4u;
  float t = 0.0, m = 0.0;
  for (uint c = lane; c < width; c += WG) {
    float v = x.v[at + c];
    t = fma(v, v, t);
    m = max(m, abs(v * weight.v[c]));
  }
  sums[lane] = t;
  largest[lane] = m;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // what the level above left is written before this level reads it
    if (lane < n) {
      sums[lane] += sums[lane + n];
      largest[lane] = max(largest[lane], largest[lane + n]);
    }
  }
  barrier(); // both are written before everyone reads them
  float scale = 1.0 / sqrt(sums[0] / float(width) + eps);
  int shift = clamp(int(127u + TOP) - int(floatBitsToUint(largest[0] * scale) >> 23), -126, 126);
  float s = uintBitsToFloat(uint(127 + shift) << 23);
  for (uint c = lane; c < pairs; c += WG) {
    vec2 y = vec2(0);
    [[unroll]] for (uint j = 0; j < 2u; j++) {
      uint i = 2u * c + j;
      if (i < width) y[j] = x.v[at + i] * scale * weight.v[i] * s;
    }
    o.v[r * pairs + c] = packFloat2x16(f16vec2(y));
  }
  if (lane == 0u) o.v[rows * pairs + r] = uint(127 - shift) << 23;
}
