// matmul_vec: multiply one to eight rows of activations by a weight matrix; every weight is read and decoded once.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// Shapes    x [rows, k] f32; w [n, k] in the format of the manifest's define; bias [n]; out, residual [rows, n] f32;
//           row-major; out aliases nothing. Up to three matrices in one dispatch (include/matmul.glsl)
// Params    include/matmul.glsl
// Spec      0 WG: invocations, power of two, 8 to 256   1 ROWS: weight rows per workgroup, 1 to 8   2 COLS: 1 to 8, at
//           least `rows`   3 MATS: matrices, 1 to 3   4 PAIR: 0, 1   5 BIAS: bit i set when matrix i has one
//           6 RESIDUAL: 0, 1 (needs MATS 1)   7 X4: 1 when rows of x are 16-byte aligned
// Grid      sum over matrices of ceil(n / ROWS), folded into y; one workgroup per ROWS rows
// Tails     weight rows past n repeat row n-1 and are not stored; elements past the last 16 of a row one by one
// Shared    4 * ROWS * COLS * (1 + PAIR) * WG / 4 bytes: one f32 for each result and subgroup of at least 4
// Order     each invocation sums its units of 16 in ascending order in f32; subgroupAdd; subgroups in ascending order
// Source    formula of host/compute/matmul.go, swiglu.go and add.go; twins fallback/matmul.go, swiglu.go, add.go
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "include/matmul.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint COLS = 1;
layout(constant_id = 3) const uint MATS = 1;
layout(constant_id = 4) const uint PAIR = 0;
layout(constant_id = 5) const uint BIAS = 0;
layout(constant_id = 6) const uint RESIDUAL = 0;
layout(constant_id = 7) const uint X4 = 0;

const uint SETS = ROWS * (1 + PAIR);  // rows of weights read: with PAIR the gate's, then the up's
const uint SUMS = SETS * COLS;
shared float partial[SUMS * (WG / 4)];

#include "include/segment.glsl"

float total(uint sum) {
  float t = 0.0;
  for (uint s = 0; s < gl_NumSubgroups; s++) t += partial[s * SUMS + sum];
  return t;
}

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), ROWS, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint lane = gl_LocalInvocationID.x, units = k / 16u;

  Row w[SETS];
  [[unroll]] for (uint i = 0; i < SETS; i++) {
    uint n = min(m.first + i % ROWS, m.n - 1u);
    w[i] = rowAt(i < ROWS ? m.w : w1, n, rowBytes);
  }
  float acc[SUMS];
  [[unroll]] for (uint i = 0; i < SUMS; i++) acc[i] = 0.0;

  for (uint unit = lane; unit < units; unit += WG) {
    uvec2 seg = segments(unit);
    vec4 weights[SETS][4];
    [[unroll]] for (uint i = 0; i < SETS; i++) decode16(w[i], unit, weights[i]);
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      if (c < rows) {
        vec4 v[4];
        segment(c, seg.x, v[0], v[1]);
        segment(c, seg.y, v[2], v[3]);
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
        [[unroll]] for (uint i = 0; i < SETS; i++) acc[i * COLS + c] += decode1(w[i], e) * x.v[c * k + e];
      }
    }
  }
#endif

  [[unroll]] for (uint i = 0; i < SUMS; i++) {
    float t = subgroupAdd(acc[i]);
    if (subgroupElect()) partial[gl_SubgroupID * SUMS + i] = t;
  }
  barrier(); // the subgroups' sums are written before any invocation adds them up

  for (uint i = lane; i < ROWS * COLS; i += WG) {
    uint r = i % COLS, n = m.first + i / COLS;
    if (r >= rows || n >= m.n) continue;
    float t = total(i);
    if ((BIAS >> m.index & 1u) != 0u) t += m.bias.v[n];
    if (PAIR == 1) {
      float up = total(ROWS * COLS + i);
      if ((BIAS & 2u) != 0u) up += b1.v[n];
      t = silu(t) * up;
    }
    if (RESIDUAL == 1) t += residual.v[r * m.n + n];
    m.o.v[r * m.n + n] = t;
  }
}
