// mix: sum the rows of each token, weighted.   out[t,c] = sum_j weights[t,j] x[t used + j, c]
// Shapes    x [rows used, cols], weights [rows, used], out [rows, cols] f32; out aliases neither
// Params    addresses; rows; cols; used
// Spec      0 WG: 8 to 256
// Grid      ceil(rows cols / WG), folded into y; one invocation per element of out
// Order     j ascending, f32
// Source    host/compute/mix.go; twin fallback/mix.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In x;
  F32In weights;
  F32Out o;
  uint rows;
  uint cols;
  uint used;
};

void main() {
  uint i = foldedInvocation(WG), t = i / cols, c = i % cols;
  if (t >= rows) return;
  float s = 0.0;
  for (uint j = 0; j < used; j++) s = fma(weights.v[t * used + j], x.v[(t * used + j) * cols + c], s);
  o.v[i] = s;
}
