// scale: multiply by a constant, and with CAP cap the result softly.
//   out[i] = factor x[i]      out[i] = cap tanh(factor x[i] / cap)
// Shapes    x, out: n f32; out does not alias x
// Params    addresses; n; factor; cap
// Spec      0 WG: 8 to 256   1 CAP: 1 when there is one
// Grid      ceil(n / WG), folded into y
// Source    host/compute/scale.go; twin fallback/scale.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"
#include "include/tanh.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint CAP = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32Out o;
  uint n;
  float factor;
  float cap;
};

void main() {
  uint i = foldedInvocation(WG);
  if (i >= n) return;
  float y = factor * x.v[i];
  o.v[i] = CAP == 1 ? cap * tanhExact(y / cap) : y;
}
