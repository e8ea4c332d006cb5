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

#include "include/experts_params.glsl"
#include "include/half_tile.glsl"
#include "include/experts.glsl"

F32In back; // what sums with each row of x are multiplied by

void result(uint row, uint c, float t, float up) {
  if (c >= have) return;
  uint slot = slotOf[c];
  float scale = back.v[xOf(slot)];
  o.v[slot * n + first + row] = finished(row, t * scale, up * scale);
}

void main() {
  beginFormat(k);
  if (!beginTile()) return;
  back = F32In(uint64_t(x) + 2ul * xRows() * ((k + 7u) / 8u * 8u));
  multiplyPanels(uvec2(0, k));
}
