// quantize: rows of activations in blocks of 32 signed bytes with a scale, for the multiplications by packed dot products.
//   q[r,i] = round(x[r,i] / s[r,i/32]),  s[r,b] = max_{32 b <= i < 32 b + 32} |x[r,i]| / 127
// Shapes    x [rows, k] f32 row-major, k a multiple of 32; out as include/blocks.glsl has it
// Params    addresses; blocks of all rows
// Spec      0 WG: 8 to 256   1 X4: 1 when x is 16-byte aligned
// Grid      ceil(blocks / WG), folded into y; one invocation per block
// Source    formula of include/blocks.glsl
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"
#include "include/blocks.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint X4 = 0;

layout(push_constant) uniform Params {
  F32In x;
  uint64_t o;
  uint blocks;
};

void main() {
  uint block = foldedInvocation(WG);
  if (block >= blocks) return;
  vec4 v[8];
  [[unroll]] for (uint i = 0; i < 8u; i++) {
    uint at = 32u * block + 4u * i;
    if (X4 == 1) v[i] = F32x4In(uint64_t(x)).v[at >> 2];
    else v[i] = vec4(x.v[at], x.v[at + 1u], x.v[at + 2u], x.v[at + 3u]);
  }
  storeBlock(o, block, blocks, v);
}
