// layernorm: shift each group of columns to zero mean, scale it to unit variance, then by weight, and add a bias.
//   m = mean_c(x[g,c])      out[g,c] = (x[g,c] - m) / sqrt(mean_c((x[g,c] - m)^2) + eps) w[c] + b[c]
// Shapes    x, out [groups, width] f32: rows of `parts` groups, row-major; w, b [parts width] f32; out does not alias x
// Params    addresses; groups; width in elements; parts; eps from model metadata
// Spec      0 WG: power of two, 8 to 256   1 BIAS: 1 when there is one
// Grid      groups, folded into y; one workgroup per group, columns past WG walked in strides
// Shared    4 WG bytes; two f32 tree reductions, order fixed by WG
// Source    Ba, Kiros and Hinton, Layer Normalization, 2016, eq. 3 and 4; twin fallback/layernorm.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint BIAS = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In weight;
  F32In bias;
  F32Out o;
  uint groups;
  uint width;
  uint parts;
  float eps;
};

shared float sums[WG];

// total adds v over the workgroup.
float total(float v) {
  uint lane = gl_LocalInvocationID.x;
  barrier(); // the sum before this one has been read by everyone
  sums[lane] = v;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) sums[lane] += sums[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  return sums[0];
}

void main() {
  uint g = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (g >= groups) return; // the fold's tail; the whole workgroup
  uint at = g * width, w = g % parts * width;
  float s = 0.0;
  for (uint c = lane; c < width; c += WG) s += x.v[at + c];
  float mean = total(s) / float(width);
  s = 0.0;
  for (uint c = lane; c < width; c += WG) {
    float d = x.v[at + c] - mean;
    s = fma(d, d, s);
  }
  float scale = 1.0 / sqrt(total(s) / float(width) + eps);
  for (uint c = lane; c < width; c += WG) {
    float v = (x.v[at + c] - mean) * scale * weight.v[w + c];
    if (BIAS == 1) v += bias.v[w + c];
    o.v[at + c] = v;
  }
}
