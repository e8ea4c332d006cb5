// matmul_square: multiplication of square matrices in square tiles, for the lab: each loaded element is used TILE times.
//   out[i,j] = sum_k a[i,k] b[k,j]
// A workgroup takes TILE x TILE results. It loads a tile of a and one of b into shared memory, then multiplies from there:
// 2 size^3 / TILE loads from global memory instead of 2 size^3. Each invocation sums up DOWN results of ACROSS columns in
// registers, so that an element of a, once it is read from shared memory, serves ACROSS products, and one of b serves DOWN;
// and few invocations have to wait for each other.
// Shapes    a, b, out [size, size] f32 row-major; counts: 1024 words
// Params    addresses; size in elements
// Spec      0 WIDE: the workgroup's side in x   1 HIGH: in y; both divide TILE   2 TILE: 8, 16 or 32
//           3 ACROSS = TILE / WIDE   4 DOWN = TILE / HIGH   5 COUNT: 1 counts loads from global memory
// Grid      ceil(size / TILE) in x (columns) and y (rows)
// Tails     zeros past the edges, which are not loaded and not counted
// Shared    8 TILE TILE bytes
// Source    Lam, Rothberg and Wolf, The cache performance and optimizations of blocked algorithms, 1991; twin: matmul_naive
#version 460
#extension GL_EXT_control_flow_attributes : require
#include "include/memory.glsl"

layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint WIDE = 16;
layout(constant_id = 1) const uint HIGH = 16;
layout(constant_id = 2) const uint TILE = 16;
layout(constant_id = 3) const uint ACROSS = 1;
layout(constant_id = 4) const uint DOWN = 1;
layout(constant_id = 5) const uint COUNT = 0;

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
  uint i0 = gl_WorkGroupID.y * TILE, j0 = gl_WorkGroupID.x * TILE;
  float s[DOWN * ACROSS];
  [[unroll]] for (uint r = 0; r < DOWN * ACROSS; r++) s[r] = 0.0;
  for (uint k0 = 0; k0 < size; k0 += TILE) {
    [[unroll]] for (uint r = 0; r < DOWN; r++) {
      [[unroll]] for (uint c = 0; c < ACROSS; c++) {
        uint row = r * HIGH + y, col = c * WIDE + x;
        float va = 0.0, vb = 0.0;
        if (i0 + row < size && k0 + col < size) {
          va = a.v[(i0 + row) * size + k0 + col];
          if (COUNT == 1) loads++;
        }
        if (k0 + row < size && j0 + col < size) {
          vb = b.v[(k0 + row) * size + j0 + col];
          if (COUNT == 1) loads++;
        }
        sa[row * TILE + col] = va;
        sb[row * TILE + col] = vb;
      }
    }
    barrier(); // both tiles are staged before they are multiplied
    for (uint k = 0; k < TILE; k++) {
      float vb[ACROSS];
      [[unroll]] for (uint c = 0; c < ACROSS; c++) vb[c] = sb[k * TILE + c * WIDE + x];
      [[unroll]] for (uint r = 0; r < DOWN; r++) {
        float va = sa[(r * HIGH + y) * TILE + k];
        [[unroll]] for (uint c = 0; c < ACROSS; c++) s[r * ACROSS + c] = fma(va, vb[c], s[r * ACROSS + c]);
      }
    }
    barrier(); // all products are taken before the next tiles overwrite these
  }
  [[unroll]] for (uint r = 0; r < DOWN; r++) {
    [[unroll]] for (uint c = 0; c < ACROSS; c++) {
      uint i = i0 + r * HIGH + y, j = j0 + c * WIDE + x;
      if (i < size && j < size) o.v[i * size + j] = s[r * ACROSS + c];
    }
  }
  if (COUNT == 1) atomicAdd(counts.v[(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) % 1024u], loads);
}
