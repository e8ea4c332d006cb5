// mix: sum the rows of each token, weighted or not, sums times.   out[t,n,c] = sum_j weights[t,n,j] x[t,j,c]
// Shapes    x [rows, used, cols], weights [rows, sums, used], out [rows, sums, cols] f32; out aliases neither
// Params    addresses; rows; cols; used; sums
// Spec      0 WG: 8 to 256   1 WEIGHED: 0 when all weights are 1
// Grid      ceil(rows sums cols / WG), folded into y; one invocation per element of out
// Order     j ascending, f32
// Source    host/compute/mix.go; twin fallback/mix.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint WEIGHED = 1;

layout(push_constant) uniform Params {
  F32In x;
  F32In weights;
  F32Out o;
  uint rows;
  uint cols;
  uint used;
  uint sums;
};

void main() {
  uint i = foldedInvocation(WG), row = i / cols, t = row / sums, c = i % cols; // row counts the sums of all tokens
  if (t >= rows) return;
  float s = 0.0;
  for (uint j = 0; j < used; j++) s = fma(WEIGHED == 1 ? weights.v[row * used + j] : 1.0, x.v[(t * used + j) * cols + c], s);
  o.v[i] = s;
}
