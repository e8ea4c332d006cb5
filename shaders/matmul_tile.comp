// matmul_tile: multiply any number of rows of activations by a weight matrix, tiled in shared memory with register tiles.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// A workgroup computes BM weight rows by BN rows of x. For every BK elements of k it loads both panels once, decoded, so
// that each loaded element is used BN or BM times; each invocation keeps TM by TN sums in registers.
// Shapes    as matmul_vec
// Params    include/matmul.glsl
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of 8, at most BLOCK_LEN or any if that is 1
//           4 TM, 5 TN: divisors of BM, BN   6 MATS, 7 PAIR, 8 BIAS, 9 RESIDUAL: as matmul_vec   10 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    4 BK ((1 + PAIR)(BM + 1) + BN + 1) bytes; the odd stride keeps the transposing stores free of bank conflicts
// Order     k ascending, f32
// Source    Volkov and Demmel, Benchmarking GPUs to tune dense linear algebra, 2008; twins fallback/matmul.go and others
#version 460
#include "include/matmul.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint BM = 32;
layout(constant_id = 2) const uint BN = 32;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint TM = 4;
layout(constant_id = 5) const uint TN = 4;
layout(constant_id = 6) const uint MATS = 1;
layout(constant_id = 7) const uint PAIR = 0;
layout(constant_id = 8) const uint BIAS = 0;
layout(constant_id = 9) const uint RESIDUAL = 0;
layout(constant_id = 10) const uint PIECES = 1;

const uint PANEL = BK * (BM + 1);
shared float sw[PANEL * (1 + PAIR)];
shared float sx[BK * (BN + 1)];

#include "include/panel.glsl"
#include "include/split.glsl"

// stageX stages BN rows of x by BK elements likewise.
void stageX(uint first, uint k0) {
  for (uint i = gl_LocalInvocationID.x; i < BN * BK; i += WG) {
    uint r = i / BK, e = i % BK;
    float v = 0.0;
    if (first + r < rows && k0 + e < k) v = x.v[(first + r) * k + k0 + e];
    sx[e * (BN + 1u) + r] = v;
  }
}

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint piece = gl_WorkGroupID.z % PIECES, firstR = gl_WorkGroupID.z / PIECES * BN;
  uvec2 span = spanOf(piece, BK);
  // Neighbouring invocations take neighbouring weight rows, so that their stores to out are neighbours too.
  uint tm = gl_LocalInvocationID.x % (BM / TM), tn = gl_LocalInvocationID.x / (BM / TM);

  float acc[TM * TN], acc1[TM * TN];
  [[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = acc1[i] = 0.0;

  for (uint k0 = span.x; k0 < span.y; k0 += BK) {
    stageWeights(m.w, m.n, m.first, k0, 0u);
    if (PAIR == 1) stageWeights(w1, m.n, m.first, k0, PANEL);
    stageX(firstR, k0);
    barrier(); // the panels are staged before any invocation multiplies them
    for (uint e = 0; e < BK; e++) {
      float w[TM], w_[TM], v[TN];
      [[unroll]] for (uint i = 0; i < TM; i++) {
        w[i] = sw[e * (BM + 1u) + tm + i * (BM / TM)];
        if (PAIR == 1) w_[i] = sw[PANEL + e * (BM + 1u) + tm + i * (BM / TM)];
      }
      [[unroll]] for (uint j = 0; j < TN; j++) v[j] = sx[e * (BN + 1u) + tn + j * (BN / TN)];
      [[unroll]] for (uint i = 0; i < TM; i++) {
        [[unroll]] for (uint j = 0; j < TN; j++) {
          acc[i * TN + j] = fma(w[i], v[j], acc[i * TN + j]);
          if (PAIR == 1) acc1[i * TN + j] = fma(w_[i], v[j], acc1[i * TN + j]);
        }
      }
    }
    barrier(); // all products are taken before the next panels overwrite these
  }

  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint n = m.first + tm + i * (BM / TM);
    if (n >= m.n) continue;
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint r = firstR + tn + j * (BN / TN);
      if (r < rows) finish(m, n, r, piece, acc[i * TN + j], acc1[i * TN + j]);
    }
  }
}
