// sparse_gate: only those of a row's gates count that lie far above their mean.
//   m = mean_c(x[r,c])      d = sqrt(mean_c((x[r,c] - m)^2))      out[r,c] = fn(max(x[r,c] - m - cutoff d, 0)) up[r,c]
// Shapes    x, up, out [rows, cols] f32; out aliases neither
// Params    addresses; rows; cols; cutoff
// Spec      0 WG: power of two, 8 to 1024   1 FN: number of the function (include/activation.glsl)
// Grid      rows, folded into y; one workgroup per row, columns past WG walked in strides
// Shared    4 WG bytes; two f32 tree reductions, order fixed by WG
// Source    host/compute/sparse_gate.go; twin fallback/sparse_gate.go
#version 460
#include "include/activation.glsl"
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint FN = 2;

layout(push_constant) uniform Params {
  F32In x;
  F32In up;
  F32Out o;
  uint rows;
  uint cols;
  float cutoff;
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
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  uint at = r * cols;
  float s = 0.0;
  for (uint c = lane; c < cols; c += WG) s += x.v[at + c];
  float mean = total(s) / float(cols);
  s = 0.0;
  for (uint c = lane; c < cols; c += WG) {
    float d = x.v[at + c] - mean;
    s = fma(d, d, s);
  }
  float least = mean + cutoff * sqrt(total(s) / float(cols));
  for (uint c = lane; c < cols; c += WG) o.v[at + c] = gated(FN, max(x.v[at + c] - least, 0.0), up.v[at + c]);
}
