// matmul_half: multiply many rows of activations by a weight matrix in packed half precision (include/half_tile.glsl).
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// Shapes    as matmul_vec, but x is what matmul_halves makes of it: rows of halves and what to multiply their sums by
// Params    include/matmul.glsl
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of FOLD   4 TM, 5 TN: divisors of BM, BN
//           6 MATS, 7 PAIR, 8 BIAS, 9 RESIDUAL: as matmul_vec   10 FOLD: multiple of 8   11 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    include/half_tile.glsl
// Order     include/half_tile.glsl
// Source    include/half_tile.glsl; twins fallback/matmul.go and others
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/matmul.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 6) const uint MATS = 1;
layout(constant_id = 7) const uint PAIR = 0;
layout(constant_id = 8) const uint BIAS = 0;
layout(constant_id = 9) const uint RESIDUAL = 0;
layout(constant_id = 10) const uint FOLD = 32;
layout(constant_id = 11) const uint PIECES = 1;
#include "include/split.glsl"
#include "include/half_tile.glsl"

Matrix m;
uint firstR, piece;
F32In back; // what sums with each row are multiplied by

bool weightsAt(uint row, out Row w) {
  uint n = m.first + row % BM;
  w = rowAt(row < BM ? m.w : w1, n, rowBytes);
  return n < m.n;
}

bool xAt(uint c, out uint r) {
  r = firstR + c;
  return r < rows;
}

bool has(uint row) { return m.first + row < m.n; }

void result(uint row, uint c, float t, float up) {
  uint r = firstR + c;
  if (r >= rows) return;
  float scale = back.v[r];
  finish(m, m.first + row, r, piece, t * scale, up * scale);
}

void main() {
  beginFormat(k);
  m = matrixOf(foldedWorkgroup(), BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  piece = gl_WorkGroupID.z % PIECES;
  firstR = gl_WorkGroupID.z / PIECES * BN;
  back = F32In(uint64_t(x) + 2ul * rows * ((k + 7u) / 8u * 8u));
  multiplyPanels(spanOf(piece, BK));
}
