// matmul_vec: multiply one to eight rows of activations by a weight matrix; every weight is read and decoded once.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = act(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// Shapes    x [rows, k] f32; w [n, k] in the format of the manifest's define; bias [n]; out, residual [rows, n] f32;
//           row-major; out aliases nothing. Up to three matrices in one dispatch (include/matmul.glsl)
// Params    include/matmul.glsl
// Spec      0 WG: invocations, power of two, 8 to 256   1 ROWS: weight rows per workgroup, 1 to 8   2 COLS: 1 to 8, at
//           least `rows`   3 MATS: matrices, 1 to 3   4 PAIR: 0, 1   5 BIAS: bit i set when matrix i has one
//           6 RESIDUAL: 0, 1 (needs MATS 1)   7 X4: 1 when rows of x and norm are 16-byte aligned   8 NORM, 9 TO (even ROWS
//           where it rotates), 10 K_TYPE, 11 V_TYPE, 12 HEADS, 13 UNIT, 14 TAKE, 15 ACT, 16 BEHIND:
//           include/few.glsl
// Grid      sum over matrices of ceil(n / ROWS), folded into y; one workgroup per ROWS rows
// Tails     weight rows past n repeat row n-1 and are not stored; elements past the last 16 of a row one by one
// Shared    4 * COLS * (ROWS * (1 + PAIR) + 1) * WG / 4 bytes: one f32 for each sum and subgroup of at least 4;
//           include/units.glsl
// Order     each invocation sums its units of 16 in ascending order in f32; subgroupAdd; subgroups in ascending order
// Source    formula of host/compute/matmul.go, activation.go and add.go; twins fallback/matmul.go, activation.go, add.go
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "include/few.glsl"

const uint SUMS = (SETS + SQUARES) * COLS; // products, then the squares of each row of x
shared float partial[SUMS * (WG / 4)];

float total(uint sum) {
  float t = 0.0;
  for (uint s = 0; s < gl_NumSubgroups; s++) t += partial[s * SUMS + sum];
  return t;
}

// finished is the sum of weight row i of the workgroup with row r of x.
float finished(uint i, uint r) { return total(i * COLS + r) * factor(NORM == NORM_SQUARES ? total(SETS * COLS + r) : 0.0); }

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), ROWS, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint lane = gl_LocalInvocationID.x, units = k / 16u;
  bool pairs = inPairs(m);

  Row w[SETS];
  [[unroll]] for (uint i = 0; i < SETS; i++) {
    uint at = m.first + i % ROWS, n = min(at, m.n - 1u);
    if (pairs) n = pairRows(min(at, m.n - 1u) / 2u)[at % 2u];
    w[i] = rowAt(i < ROWS ? m.w : w1, n, rowBytes);
  }
  float acc[SETS * COLS];
  vec2 row[COLS];
  uint from[COLS];
  [[unroll]] for (uint c = 0; c < COLS; c++) from[c] = rowOfX(c);
  [[unroll]] for (uint i = 0; i < SETS * COLS; i++) acc[i] = 0.0;
  [[unroll]] for (uint c = 0; c < COLS; c++) row[c] = statistics(from[c]);

  for (uint unit = lane; unit < units; unit += WG) {
    uvec2 seg = segments(unit);
    vec4 weights[SETS][4];
    [[unroll]] for (uint i = 0; i < SETS; i++) decode16(w[i], unit, weights[i]);
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      if (c < rows) {
        vec4 v[4];
        segment(from[c], seg.x, row[c], v[0], v[1]);
        segment(from[c], seg.y, row[c], v[2], v[3]);
        [[unroll]] for (uint i = 0; i < SETS; i++) {
          vec4 s = weights[i][0] * v[0] + weights[i][1] * v[1] + weights[i][2] * v[2] + weights[i][3] * v[3];
          acc[i * COLS + c] += (s.x + s.y) + (s.z + s.w);
        }
      }
    }
  }
#if BLOCK_LEN == 1
  for (uint e = 16u * units + lane; e < k; e += WG) {
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      if (c < rows) {
        float v = single(from[c], e, row[c]);
        [[unroll]] for (uint i = 0; i < SETS; i++) acc[i * COLS + c] += decode1(w[i], e) * v;
      }
    }
  }
#endif

  [[unroll]] for (uint i = 0; i < SUMS; i++) {
    float t = subgroupAdd(i < SETS * COLS ? acc[i] : row[i - SETS * COLS].x);
    if (subgroupElect()) partial[gl_SubgroupID * SUMS + i] = t;
  }
  barrier(); // the subgroups' sums are written before any invocation adds them up

  if (pairs) {
    for (uint i = lane; i < ROWS / 2u * COLS; i += WG) {
      uint r = i % COLS, j = i / COLS * 2u;
      if (r < rows && m.first + j < m.n) putPair(m, r, (m.first + j) / 2u, finished(j, r), finished(j + 1u, r));
    }
    return;
  }
  for (uint i = lane; i < ROWS * COLS; i += WG) {
    uint r = i % COLS, j = i / COLS, n = m.first + j;
    if (r >= rows || n >= m.n) continue;
    put(m, r, n, result(m, n, finished(j, r), PAIR == 1 ? finished(ROWS + j, r) : timesOf(r, n)));
  }
  finish(m, ROWS);
}
