// columns: put columns of two tensors side by side, in each group of columns by itself.
//   out[r,g,:] = a[r, g, fromA : fromA + numA] ++ b[r, g, fromB : fromB + numB]
// Shapes    a [rows, groups strideA], b [rows, groups strideB], out [rows, groups (numA + numB)] f32; out aliases none
// Params    addresses; items = rows groups; numA, fromA, strideA, numB, fromB, strideB in elements; b is read when numB > 0
// Spec      0 WG: 8 to 256
// Grid      ceil(items (numA + numB) / WG), folded into y; one invocation per element
// Source    host/compute/columns.go; twin fallback/columns.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In a;
  F32In b;
  F32Out o;
  uint items;
  uint numA;
  uint fromA;
  uint strideA;
  uint numB;
  uint fromB;
  uint strideB;
};

void main() {
  uint i = foldedInvocation(WG), width = numA + numB, item = i / width, c = i % width;
  if (item >= items) return;
  if (c < numA) o.v[i] = a.v[item * strideA + fromA + c];
  else o.v[i] = b.v[item * strideB + fromB + c - numA];
}
