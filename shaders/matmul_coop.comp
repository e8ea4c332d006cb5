// matmul_coop: multiply many rows of activations by a weight matrix on matrix units: half precision factors, float32 sums, or
// with HALF_SUMS sums in half precision that are added to float32 sums every FOLD elements.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// A workgroup computes BM weight rows by BN rows of x, as include/coop.glsl says.
// Shapes    as matmul_vec, but x is what matmul_halves makes of it: rows of halves and what to multiply their sums by; or, with
//           X_EIGHTS, halves in blocks of 8 (include/eights.glsl), as out is with OUT_TOP, for MATS 1, RESIDUAL 0, PIECES 1
// Params    include/matmul.glsl
// Spec      0 WG = SGM SGN subgroups of the size that is asked for   1 BM, 2 BN: tile   3 BK: multiple of 8 and CK, at most
//           BLOCK_LEN or any if that is 1   4 SGM, 5 SGN: subgroups   6 CM, 7 CN, 8 CK: fragment, of the device's list
//           9 MATS, 10 PAIR, 11 BIAS, 12 RESIDUAL: as matmul_vec   13 SUPER: tiles of a super-row
//           14 X_EIGHTS, 15 OUT_TOP: include/coop.glsl
//           16, or 17 behind 16 FOLD, a multiple of BK, with HALF_SUMS, PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES; tiles are taken in super-rows
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    include/coop.glsl
// Order     k ascending in steps of CK, f32, or FOLD elements in f16 and those in f32; weights beyond the range of half are its
//           largest numbers
// Source    Markidis et al., NVIDIA Tensor Core Programmability, Performance and Precision, 2018; twins fallback/matmul.go and
//           others
#version 460
#pragma use_vulkan_memory_model
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/matmul.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 9) const uint MATS = 1;
layout(constant_id = 10) const uint PAIR = 0;
layout(constant_id = 11) const uint BIAS = 0;
layout(constant_id = 12) const uint RESIDUAL = 0;
layout(constant_id = 13) const uint SUPER = 8;
layout(constant_id = 14) const uint X_EIGHTS = 0;
layout(constant_id = 15) const uint OUT_TOP = 0;
#ifdef HALF_SUMS
layout(constant_id = 16) const uint FOLD = 256;
layout(constant_id = 17) const uint PIECES = 1;
#else
layout(constant_id = 16) const uint PIECES = 1;
#endif
#include "include/split.glsl"
#include "include/coop.glsl"

Matrix mine;
uint firstR, piece;

bool weightsAt(uint row, out Row w) {
  uint n = mine.first + row % BM;
  w = rowAt(row < BM ? mine.w : w1, n, rowBytes);
  return n < mine.n;
}

bool xAt(uint c, out uint r) {
  r = firstR + c;
  return r < rows;
}

void result(uint row, uint c, float t, float up) {
  uint n = mine.first + row, r = firstR + c;
  if (n >= mine.n || r >= rows) return;
  float scale = backOf(c, r);
  finish(mine, n, r, piece, t * scale, up * scale);
}

void eight(uint row, uint c, float t[8], float up[8]) {
  uint n = mine.first + row, r = firstR + c;
  if (n >= mine.n || r >= rows) return;
  float scale = backOf(c, r);
  vec4 y[2];
  [[unroll]] for (uint i = 0; i < 8u; i++) y[i / 4u][i % 4u] = finished(mine, n + i, r, t[i] * scale, up[i] * scale);
  putEight(uint64_t(mine.o), (r * mine.n + n) / 8u, rows * mine.n / 8u, y, OUT_TOP);
}

void main() {
  beginFormat(k);
  Tile at = tileOf(SUPER);
  mine = matrixOf(at.block, BM, MATS);
  if (mine.first >= mine.n) return; // the fold's tail; the whole workgroup
  firstR = at.rows * BN;
  piece = at.piece;
  scales = uint64_t(x) + 2ul * rows * ((k + 7u) / 8u * 8u);
  multiplyPanels(spanOf(piece, BK));
}
