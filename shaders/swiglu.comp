// swiglu: gate one projection by the SiLU of another.   out[i] = silu(gate[i]) up[i]
// Shapes    gate, up, out: n f32; out aliases neither
// Params    addresses; n in elements
// Spec      0 WG: 8 to 256
// Grid      ceil(n / WG), folded into y
// Source    Shazeer, GLU Variants Improve Transformer, 2020; twin fallback/swiglu.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"
#include "include/silu.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In gate;
  F32In up;
  F32Out o;
  uint n;
};

void main() {
  uint i = foldedInvocation(WG);
  if (i < n) o.v[i] = silu(gate.v[i]) * up.v[i];
}
