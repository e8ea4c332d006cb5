// matmul_square: multiplication of square matrices in square tiles, for the lab: each loaded element is used TILE times.
//   out[i,j] = sum_k a[i,k] b[k,j]
// A workgroup takes TILE x TILE results. It loads a tile of a and one of b into shared memory, then multiplies from there:
// 2 size^3 / TILE loads from global memory instead of 2 size^3. Each invocation sums up EACH results of one column in
// registers, so that an element of b, once it is read from shared memory, serves all of them, and an element of a serves a
// row of invocations at once; and few invocations have to wait for each other.
// Shapes    a, b, out [size, size] f32 row-major; counts: 1024 words
// Params    addresses; size in elements
// Spec      0 TILE: also the workgroup's side in x, 8, 16 or 32   1 ROWS: its side in y, of which TILE is a multiple
//           2 COUNT: 1 counts loads from global memory   3 EACH = TILE / ROWS
// Grid      ceil(size / TILE) in x (columns) and y (rows)
// Tails     zeros past the edges, which are not loaded and not counted
// Shared    8 TILE TILE bytes
// Source    Lam, Rothberg and Wolf, The cache performance and optimizations of blocked algorithms, 1991; twin: matmul_naive
#version 460
#extension GL_EXT_control_flow_attributes : require
#include "include/memory.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint TILE = 16;
layout(constant_id = 1) const uint ROWS = 16;
layout(constant_id = 2) const uint COUNT = 0;
layout(constant_id = 3) const uint EACH = 1;

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
  uint i0 = gl_WorkGroupID.y * TILE, j = gl_WorkGroupID.x * TILE + x;
  float s[EACH];
  [[unroll]] for (uint r = 0; r < EACH; r++) s[r] = 0.0;
  for (uint k0 = 0; k0 < size; k0 += TILE) {
    [[unroll]] for (uint r = 0; r < EACH; r++) {
      uint row = r * ROWS + y;
      float va = 0.0, vb = 0.0;
      if (i0 + row < size && k0 + x < size) {
        va = a.v[(i0 + row) * size + k0 + x];
        if (COUNT == 1) loads++;
      }
      if (k0 + row < size && j < size) {
        vb = b.v[(k0 + row) * size + j];
        if (COUNT == 1) loads++;
      }
      sa[row * TILE + x] = va;
      sb[row * TILE + x] = vb;
    }
    barrier(); // both tiles are staged before they are multiplied
    for (uint k = 0; k < TILE; k++) {
      float vb = sb[k * TILE + x];
      [[unroll]] for (uint r = 0; r < EACH; r++) s[r] = fma(sa[(r * ROWS + y) * TILE + k], vb, s[r]);
    }
    barrier(); // all products are taken before the next tiles overwrite these
  }
  [[unroll]] for (uint r = 0; r < EACH; r++) {
    uint i = i0 + r * ROWS + y;
    if (i < size && j < size) o.v[i * size + j] = s[r];
  }
  if (COUNT == 1) atomicAdd(counts.v[(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) % 1024u], loads);
}
