// matmul_experts_int8: multiply the rows that use the same expert together, in dot products of packed signed bytes
// (include/int8.glsl).
//   y[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n];  e is the expert of slot s
//   out[s,n] = y[s,n]
//   PAIR: out[s,n] = fn(y0[s,n]) y1[s,n], of two matrices an expert; clamped SiLU: fn(y0[s,n]) (clamp(y1[s,n], -7, 7) + 1)
// A workgroup computes BM weight rows of one expert by up to BN of its slots; the schedule of matmul_experts_group says which.
// Rows of x are gathered as they are staged, results scattered as they leave.
// Shapes    x: what quantize makes of [slots / used or slots, k] (include/blocks.glsl), as out is with BLOCKS; w, w1
//           [experts n, k] in a format of include/bytes; bias, b1 [experts, n], out [slots, n] f32; order [slots], tiles
//           [z of the grid, 3] u32; row-major; out aliases nothing
// Params    addresses; slots: rows of out; used: slots of a token; n: weight rows of an expert; k; rowBytes
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of 32   4 TM, 5 TN: divisors of BM, BN
//           6 PAIR   7 BIAS: bit 0 bias, bit 1 b1   8 X_PER_SLOT   9 FN: number of the function of PAIR
//           10 BLOCKS: include/int8.glsl
// Grid      x, y: ceil(n / BM), folded; z: tiles, those without slots end at once
// Tails     past n, the tile's slots and k zeros are staged, nothing is read or stored there
// Shared    include/int8.glsl, and 4 BN bytes
// Order     k ascending by groups, f32
// Source    matmul_experts.go, swiglu.go, activation.go of host/compute and fallback; Gale et al., MegaBlocks, 2022
#version 460
#include "include/activation.glsl"
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 6) const uint PAIR = 0;
layout(constant_id = 7) const uint BIAS = 0;
layout(constant_id = 8) const uint X_PER_SLOT = 0;
layout(constant_id = 9) const uint FN = 0;
layout(constant_id = 10) const uint BLOCKS = 0;

layout(push_constant) uniform Params {
  F32In x;
  Row w;
  Row w1;
  F32In bias;
  F32In b1;
  U32In order;
  U32In tiles;
  F32Out o;
#ifdef CODEBOOK
  U32In codebook;
#endif
  uint slots;
  uint used;
  uint n;
  uint k;
  uint rowBytes;
};
#include "include/int8.glsl"

shared uint slotOf[BN];
uint first, expert, have;

uint xRows() { return X_PER_SLOT == 1 ? slots : slots / used; }

bool weightsAt(uint row, out Row r) {
  uint i = first + row % BM;
  r = rowAt(row < BM ? w : w1, expert * n + i, rowBytes);
  return i < n;
}

bool xAt(uint c, out uint r) {
  uint slot = c < have ? slotOf[c] : 0u;
  r = X_PER_SLOT == 1 ? slot : slot / used;
  return c < have;
}

bool has(uint row) { return first + row < n; }

bool valueOf(uint row, uint c, float t, float up, out float y) {
  uint at = expert * n + first + row;
  y = 0.0;
  if (c >= have) return false;
  if ((BIAS & 1u) != 0u) t += bias.v[at];
  if (PAIR == 1) {
    if ((BIAS & 2u) != 0u) up += b1.v[at];
    t = gated(FN, t, up);
  }
  y = t;
  return true;
}

void result(uint row, uint c, float t, float up) {
  float y;
  if (valueOf(row, c, t, up, y)) o.v[slotOf[c] * n + first + row] = y;
}

void block(uint row, uint c, uvec4 q[2], float m, ivec2 sums) {
  if (c < have) putBlock(uint64_t(o), (slotOf[c] * n + first + row) / 32u, slots * n / 32u, q, m, sums);
}

void main() {
  beginFormat(k);
  uint z = 3u * gl_WorkGroupID.z;
  first = foldedWorkgroup() * BM;
  expert = tiles.v[z];
  have = tiles.v[z + 2u];
  if (first >= n || have == 0u) return; // the fold's tail, or a tile that the schedule did not need; the whole workgroup
  for (uint c = gl_LocalInvocationID.x; c < have; c += WG) slotOf[c] = order.v[tiles.v[z + 1u] + c];
  barrier(); // the slots are known before their rows are staged
  multiplyPanels(uvec2(0, k));
}
