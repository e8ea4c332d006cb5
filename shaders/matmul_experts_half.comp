// matmul_experts_half: multiply the rows that use the same expert together, in packed half precision
// (include/half_tile.glsl).
//   y[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n];  e is the expert of slot s
//   out[s,n] = y[s,n]
//   PAIR: out[s,n] = fn(y0[s,n]) y1[s,n], of two matrices an expert; clamped SiLU: fn(y0[s,n]) (clamp(y1[s,n], -7, 7) + 1)
// A workgroup computes BM weight rows of one expert by up to BN of its slots; the schedule of matmul_experts_group says which.
// Rows of x are gathered as they are staged, results scattered as they leave.
// Shapes    x: what matmul_halves makes of [slots / used or slots, k]; w, w1 [experts n, k] in the format of the manifest's
//           define; bias, b1 [experts, n], out [slots, n] f32; order [slots], tiles [z of the grid, 3] u32; row-major; out
//           aliases nothing
// Params    addresses; slots: rows of out; used: slots of a token; n: weight rows of an expert; k; rowBytes
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of FOLD   4 TM, 5 TN: divisors of BM, BN
//           6 PAIR   7 BIAS: bit 0 bias, bit 1 b1   8 X_PER_SLOT   9 FN: number of the function of PAIR
//           10 FOLD: multiple of 8
// Grid      x, y: ceil(n / BM), folded; z: tiles, those without slots end at once
// Tails     past n, the tile's slots and k zeros are staged, nothing is read or stored there
// Shared    include/half_tile.glsl, and 4 BN bytes
// Order     include/half_tile.glsl
// Source    matmul_experts.go, swiglu.go, activation.go of host/compute and fallback; Gale et al., MegaBlocks, 2022
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/activation.glsl"
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 6) const uint PAIR = 0;
layout(constant_id = 7) const uint BIAS = 0;
layout(constant_id = 8) const uint X_PER_SLOT = 0;
layout(constant_id = 9) const uint FN = 0;
layout(constant_id = 10) const uint FOLD = 32;

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
#include "include/half_tile.glsl"

shared uint slotOf[BN];
uint first, expert, have;
F32In back; // what sums with each row of x are multiplied by

uint xOf(uint slot) { return X_PER_SLOT == 1 ? slot : slot / used; }

bool weightsAt(uint row, out Row r) {
  uint i = first + row % BM;
  r = rowAt(row < BM ? w : w1, expert * n + i, rowBytes);
  return i < n;
}

bool xAt(uint c, out uint r) {
  r = c < have ? xOf(slotOf[c]) : 0u;
  return c < have;
}

bool has(uint row) { return first + row < n; }

void result(uint row, uint c, float t, float up) {
  if (c >= have) return;
  uint at = expert * n + first + row, slot = slotOf[c];
  float scale = back.v[xOf(slot)];
  t *= scale;
  if ((BIAS & 1u) != 0u) t += bias.v[at];
  if (PAIR == 1) {
    up *= scale;
    if ((BIAS & 2u) != 0u) up += b1.v[at];
    t = gated(FN, t, up);
  }
  o.v[slot * n + first + row] = t;
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
  back = F32In(uint64_t(x) + 2ul * (X_PER_SLOT == 1 ? slots : slots / used) * ((k + 7u) / 8u * 8u));
  multiplyPanels(uvec2(0, k));
}
