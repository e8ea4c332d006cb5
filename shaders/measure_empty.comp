// measure_empty: a dispatch that does next to nothing, for the cost of one more dependent dispatch.
// Params    address of 1 f32; never: 0
// Spec      0 WG: 1 to 256
// Grid      1
// Source    none needed
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32Out o;
  uint never;
};

void main() {
  if (never != 0u) o.v[0] = float(WG);
}
