// add: the residual connection.   out[i] = a[i] + b[i mod period]
// Shapes    a, out: n f32; b: period f32; out aliases neither
// Params    addresses; n, period in elements: n, or the columns where b is one row for all
// Spec      0 WG: 8 to 256
// Grid      ceil(n / WG), folded into y
// Source    host/compute/add.go; twin fallback/add.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In a;
  F32In b;
  F32Out o;
  uint n;
  uint period;
};

void main() {
  uint i = foldedInvocation(WG);
  if (i < n) o.v[i] = a.v[i] + b.v[i % period];
}
