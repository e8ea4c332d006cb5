// matmul_naive: the textbook's multiplication of square matrices, for the lab: every product loads both its elements.
//   out[i,j] = sum_k a[i,k] b[k,j]
// Shapes    a, b, out [size, size] f32 row-major; counts: 1024 words
// Params    addresses; size in elements
// Spec      0, 1 the workgroup's sides, whose product is at most 256   2 COUNT: 1 counts loads from global memory
// Grid      ceil(size / side) in x (columns) and y (rows)
// Counting  invocations add the element loads they made to word (workgroup % 1024) of counts; the sum over the words is the
//           number of loads, which no word overflows while size <= 8192
// Source    the definition; twin: matmul_square
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint SIDE_X = 8;
layout(constant_id = 1) const uint SIDE_Y = 8;
layout(constant_id = 2) const uint COUNT = 0;

layout(push_constant) uniform Params {
  F32In a;
  F32In b;
  F32Out o;
  U32InOut counts;
  uint size;
};

void main() {
  uint j = gl_GlobalInvocationID.x, i = gl_GlobalInvocationID.y, loads = 0;
  if (i >= size || j >= size) return;
  float s = 0.0;
  for (uint k = 0; k < size; k++) {
    s = fma(a.v[i * size + k], b.v[k * size + j], s);
    if (COUNT == 1) loads += 2u;
  }
  o.v[i * size + j] = s;
  if (COUNT == 1) atomicAdd(counts.v[(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) % 1024u], loads);
}
