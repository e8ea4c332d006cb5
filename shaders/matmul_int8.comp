// matmul_int8: multiply many rows of activations by a weight matrix in dot products of packed signed bytes
// (include/int8.glsl).
//   out[r,n] = sum_g s[r,g] (d[n,g] sum_i x[r,i] w[n,i] + m[n,g] sum_i x[r,i]) + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(that of w0, with b0[n]) (that of w1, with b1[n])
// Shapes    as matmul_vec, but x is what quantize makes of it (include/blocks.glsl), and w of a format of include/bytes
// Params    include/matmul.glsl
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of 32   4 TM, 5 TN: divisors of BM, BN
//           6 MATS, 7 PAIR, 8 BIAS, 9 RESIDUAL: as matmul_vec   10 BLOCKS: include/int8.glsl; MATS and PIECES are 1,
//           RESIDUAL 0   11 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    include/int8.glsl
// Order     k ascending by groups, f32
// Source    include/int8.glsl; twins fallback/matmul.go and others
#version 460
#include "include/matmul.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 6) const uint MATS = 1;
layout(constant_id = 7) const uint PAIR = 0;
layout(constant_id = 8) const uint BIAS = 0;
layout(constant_id = 9) const uint RESIDUAL = 0;
layout(constant_id = 10) const uint BLOCKS = 0;
layout(constant_id = 11) const uint PIECES = 1;
#include "include/split.glsl"
#include "include/int8.glsl"

Matrix m;
uint firstR, piece;

uint xRows() { return rows; }

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
  if (firstR + c < rows) finish(m, m.first + row, firstR + c, piece, t, up);
}

bool valueOf(uint row, uint c, float t, float up, out float y) {
  y = 0.0;
  if (firstR + c >= rows) return false;
  y = finished(m, m.first + row, firstR + c, t, up);
  return true;
}

void block(uint row, uint c, uvec4 q[2], float top, ivec2 sums) {
  uint r = firstR + c;
  if (r < rows) putBlock(uint64_t(m.o), (r * m.n + m.first + row) / 32u, rows * m.n / 32u, q, top, sums);
}

void main() {
  beginFormat(k);
  m = matrixOf(foldedWorkgroup(), BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  piece = gl_WorkGroupID.z % PIECES;
  firstR = gl_WorkGroupID.z / PIECES * BN;
  multiplyPanels(spanOf(piece, BK));
}
