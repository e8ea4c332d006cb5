// activation: apply a function to every element, and with UP multiply by another tensor.
//   out[i] = fn(x[i])      out[i] = fn(x[i]) up[i mod period]      clamped SiLU: fn(x[i]) (clamp(up[i mod period], -7, 7) + 1)
// Shapes    x, out: n f32; up: period f32; out aliases neither
// Params    addresses; n, period in elements: n, or the columns where up is one row for all
// Spec      0 WG: 8 to 256   1 FN: number of the function (include/activation.glsl)   2 UP: 1 when there is one
// Grid      ceil(n / WG), folded into y
// Source    host/compute/activation.go; twin fallback/activation.go
#version 460
#include "include/activation.glsl"
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint FN = 0;
layout(constant_id = 2) const uint UP = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In up;
  F32Out o;
  uint n;
  uint period;
};

void main() {
  uint i = foldedInvocation(WG);
  if (i >= n) return;
  o.v[i] = UP == 1 ? gated(FN, x.v[i], up.v[i % period]) : activate(FN, x.v[i]);
}
