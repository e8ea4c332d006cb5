// takerows: copy the rows whose logits are wanted.   out[i,c] = x[outputs[i], c]
// Shapes    x [T, cols], out [rows, cols] f32; out does not alias x
// Params    addresses; rows = outputs of the step; cols in elements
// Spec      0 WG: 8 to 256
// Grid      ceil(rows cols / WG), folded into y
// Source    host/compute/takerows.go; twin fallback/takerows.go
#version 460
#include "include/grid.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In x;
  F32Out o;
  U32In step;
  uint rows;
  uint cols;
};

void main() {
  uint i = foldedInvocation(WG), r = i / cols;
  if (r < rows) o.v[i] = x.v[stepOutput(step, r) * cols + i % cols];
}
