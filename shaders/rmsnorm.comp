// rmsnorm: scale each group of columns to unit root mean square, then by weight.
//   out[g,c] = x[g,c] / sqrt(mean_c(x[g,c]^2) + eps) * w[g mod sets, c]
// Shapes    x, out [groups, width] f32: rows of whole groups, row-major; w [sets, width] f32; out does not alias x
// Params    addresses; groups; width in elements; eps from model metadata; sets of weights: 1, or the groups of a row
// Spec      0 WG: power of two, 8 to 256
// Grid      groups, folded into y; one workgroup per group, columns past WG walked in strides
// Shared    4 WG bytes; f32 tree reduction, order fixed by WG
// Source    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, eq. 4; twin fallback/rmsnorm.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In x;
  F32In weight;
  F32Out o;
  uint groups;
  uint width;
  float eps;
  uint sets;
};

shared float sums[WG];

void main() {
  uint g = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (g >= groups) return; // the fold's tail; the whole workgroup
  uint at = g * width, w = g % sets * width;
  float s = 0.0;
  for (uint c = lane; c < width; c += WG) {
    float v = x.v[at + c];
    s = fma(v, v, s);
  }
  sums[lane] = s;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) sums[lane] += sums[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  float scale = 1.0 / sqrt(sums[0] / float(width) + eps);
  for (uint c = lane; c < width; c += WG) o.v[at + c] = x.v[at + c] * scale * weight.v[w + c];
}
