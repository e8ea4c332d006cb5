// matmul_square: multiplication of square matrices in square tiles, for the lab: each loaded element is used TILE times.
//   out[i,j] = sum_k a[i,k] b[k,j]
// A workgroup of TILE x TILE invocations loads a tile of a and one of b into shared memory, one element of each per
// invocation, then takes TILE products per invocation from there: 2 size^3 / TILE loads instead of 2 size^3.
// Shapes    a, b, out [size, size] f32 row-major; counts: 1024 words
// Params    addresses; size in elements
// Spec      0, 1 TILE: both the workgroup's sides, 8, 16 or 32   2 COUNT: 1 counts loads from global memory
// Grid      ceil(size / TILE) in x (columns) and y (rows)
// Tails     zeros past the edges, which are not loaded and not counted
// Shared    8 TILE TILE bytes
// Source    Lam, Rothberg and Wolf, The cache performance and optimizations of blocked algorithms, 1991; twin: matmul_naive
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint TILE = 16;
layout(constant_id = 1) const uint TILE_Y = 16;
layout(constant_id = 2) const uint COUNT = 0;

layout(push_constant) uniform Params {
  F32In a;
  F32In b;
  F32Out o;
  U32InOut counts;
  uint size;
};

shared float sa[TILE * TILE];
shared float sb[TILE * TILE];

void main() {
  uint x = gl_LocalInvocationID.x, y = gl_LocalInvocationID.y, loads = 0;
  uint j = gl_GlobalInvocationID.x, i = gl_GlobalInvocationID.y;
  float s = 0.0;
  for (uint k0 = 0; k0 < size; k0 += TILE) {
    float va = 0.0, vb = 0.0;
    if (i < size && k0 + x < size) {
      va = a.v[i * size + k0 + x];
      if (COUNT == 1) loads++;
    }
    if (j < size && k0 + y < size) {
      vb = b.v[(k0 + y) * size + j];
      if (COUNT == 1) loads++;
    }
    sa[y * TILE + x] = va;
    sb[y * TILE + x] = vb;
    barrier(); // both tiles are staged before they are multiplied
    for (uint k = 0; k < TILE; k++) s = fma(sa[y * TILE + k], sb[k * TILE + x], s);
    barrier(); // all products are taken before the next tiles overwrite these
  }
  if (i < size && j < size) o.v[i * size + j] = s;
  if (COUNT == 1) atomicAdd(counts.v[(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) % 1024u], loads);
}
