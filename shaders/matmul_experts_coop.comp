// matmul_experts_coop: multiply the rows that use the same expert together, on matrix units: half precision factors, float32
// sums.
//   y[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n];  e is the expert of slot s
//   out[s,n] = y[s,n]
//   PAIR: out[s,n] = fn(y0[s,n]) y1[s,n], of two matrices an expert; clamped SiLU: fn(y0[s,n]) (clamp(y1[s,n], -7, 7) + 1)
// A workgroup computes BM weight rows of one expert by up to BN of its slots, as include/coop.glsl says; the schedule of
// matmul_experts_group says which. Rows of x are gathered as they are staged, results scattered as they leave.
// Shapes    x: what matmul_halves makes of [slots / used or slots, k], or, with X_EIGHTS, halves in blocks of 8 of it
//           (include/eights.glsl), as out is with OUT_TOP; w, w1 [experts n, k] in the format of the manifest's
//           define; bias, b1 [experts, n], out [slots, n] f32; order [slots], tiles [z of the grid, 3] u32; row-major; out
//           aliases nothing
// Params    addresses; slots: rows of out; used: slots of a token; n: weight rows of an expert; k; rowBytes
// Spec      0 WG = SGM SGN subgroups of the size that is asked for   1 BM, 2 BN: tile   3 BK: multiple of 8 and CK, at most
//           BLOCK_LEN or any if that is 1   4 SGM, 5 SGN: subgroups   6 CM, 7 CN, 8 CK: fragment, of the device's list
//           9 PAIR   10 BIAS: bit 0 bias, bit 1 b1   11 X_PER_SLOT   12 FN: number of the function of PAIR
//           13 X_EIGHTS, 14 OUT_TOP: include/coop.glsl
// Grid      x, y: ceil(n / BM), folded; z: tiles, those without slots end at once
// Tails     past n, the tile's slots and k zeros are staged, nothing is read or stored there
// Shared    include/coop.glsl, and 4 BN bytes
// Order     k ascending in steps of CK, f32; weights beyond the range of half are its largest numbers
// Source    matmul_experts.go, swiglu.go, activation.go of host/compute and fallback; Gale et al., MegaBlocks, 2022
#version 460
#pragma use_vulkan_memory_model
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/activation.glsl"
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 9) const uint PAIR = 0;
layout(constant_id = 10) const uint BIAS = 0;
layout(constant_id = 11) const uint X_PER_SLOT = 0;
layout(constant_id = 12) const uint FN = 0;
layout(constant_id = 13) const uint X_EIGHTS = 0;
layout(constant_id = 14) const uint OUT_TOP = 0;

#include "include/experts_params.glsl"
#include "include/coop.glsl"
#include "include/experts.glsl"

void result(uint row, uint c, float t, float up) {
  if (!has(row) || c >= have) return;
  uint slot = slotOf[c];
  float scale = backOf(c, xOf(slot));
  o.v[slot * n + first + row] = finished(row, t * scale, up * scale);
}

void eight(uint row, uint c, float t[8], float up[8]) {
  if (!has(row) || c >= have) return;
  uint slot = slotOf[c];
  float scale = backOf(c, xOf(slot));
  vec4 y[2];
  [[unroll]] for (uint j = 0; j < 8u; j++) y[j / 4u][j % 4u] = finished(row + j, t[j] * scale, up[j] * scale);
  putEight(uint64_t(o), (slot * n + first + row) / 8u, slots * n / 8u, y, OUT_TOP);
}

void main() {
  beginFormat(k);
  if (!beginTile()) return;
  scales = uint64_t(x) + 2ul * xRows() * ((k + 7u) / 8u * 8u);
  multiplyPanels(uvec2(0, k));
}
