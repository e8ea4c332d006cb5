// matmul_lane: multiply rows of activations by a weight matrix, each invocation a few weight rows of its own.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = act(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// All invocations of a workgroup read the same activations at the same time: on devices that load such values once for a whole
// subgroup (CPUs), a weight costs its decoding and one multiplication a row of x, and nothing is shared or reduced.
// Shapes    as matmul_vec
// Params    include/matmul.glsl
// Spec      0 WG: invocations   1 ROWS: weight rows of an invocation, 1 to 4, even with rotation   2 COLS: rows of x of a
//           workgroup, 1 to 16
//           3 MATS, 4 PAIR, 5 BIAS, 6 RESIDUAL, 7 X4, 8 NORM, 9 TO, 10 K_TYPE, 11 V_TYPE, 12 HEADS, 13 UNIT, 14 TAKE,
//           15 ACT, 16 BEHIND: as matmul_vec
// Grid      x, y: sum over matrices of ceil(n / (WG ROWS)), folded; z: ceil(rows / COLS), 1 with units
// Tails     weight rows past n repeat row n-1, rows of x past the last repeat it; neither is stored. Elements past the last 8 of
//           a row one by one
// Shared    none but that of include/units.glsl
// Order     segments of 8 in ascending order; in each, four sums of two, then those of neighbours; f32
// Source    formula of host/compute/matmul.go, activation.go and add.go; twins fallback/matmul.go, activation.go, add.go
#version 460
#define GATHERED
#include "include/few.glsl"
#include "include/ahead.glsl"

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), WG * ROWS, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint firstR = gl_WorkGroupID.z * COLS, lane = gl_LocalInvocationID.x, firstPair = m.first / 2u + lane;
  bool pairs = inPairs(m);

  Row w[SETS];
  [[unroll]] for (uint i = 0; i < SETS; i++) {
    uint at = i % ROWS, n = min(m.first + at * WG + lane, m.n - 1u);
    if (pairs) n = pairRows(min(firstPair + at / 2u * WG, m.n / 2u - 1u))[at % 2u];
    w[i] = rowAt(i < ROWS ? m.w : w1, n, rowBytes);
  }
  float acc[SETS * COLS];
  vec2 row[COLS];
  uint from[COLS];
  [[unroll]] for (uint c = 0; c < COLS; c++) from[c] = rowOfX(firstR + c);
  [[unroll]] for (uint i = 0; i < SETS * COLS; i++) acc[i] = 0.0;
  [[unroll]] for (uint c = 0; c < COLS; c++) row[c] = statistics(from[c]);

  uint unitBytes = 16u * rowBytes / k;
  for (uint unit = 0; unit < k / 16u; unit++) {
    if (crosses(unit, unitBytes)) {
      [[unroll]] for (uint i = 0; i < SETS; i++) ask(uint64_t(w[i]), unit * unitBytes);
    }
    uvec2 seg = segments(unit);
    vec4 weights[SETS][4];
    [[unroll]] for (uint i = 0; i < SETS; i++) decode16(w[i], unit, weights[i]);
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      vec4 v[4];
      segment(from[c], seg.x, row[c], v[0], v[1]);
      segment(from[c], seg.y, row[c], v[2], v[3]);
      [[unroll]] for (uint i = 0; i < SETS; i++) {
        vec4 s = weights[i][0] * v[0];
        s = fma(weights[i][1], v[1], s);
        s = fma(weights[i][2], v[2], s);
        s = fma(weights[i][3], v[3], s);
        acc[i * COLS + c] += (s.x + s.y) + (s.z + s.w);
      }
    }
  }
#if BLOCK_LEN == 1
  for (uint e = k / 16u * 16u; e < k; e++) {
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      float v = single(from[c], e, row[c]);
      [[unroll]] for (uint i = 0; i < SETS; i++) acc[i * COLS + c] += decode1(w[i], e) * v;
    }
  }
#endif

  [[unroll]] for (uint c = 0; c < COLS; c++) {
    uint r = firstR + c;
    if (r >= rows) break;
    float f = factor(row[c].x);
    if (pairs) {
      [[unroll]] for (uint i = 0; i + 1u < ROWS; i += 2u) {
        uint p = firstPair + i / 2u * WG;
        if (p < m.n / 2u) putPair(m, r, p, f * acc[i * COLS + c], f * acc[(i + 1u) * COLS + c]);
      }
      continue;
    }
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
      uint n = m.first + i * WG + lane;
      if (n >= m.n) continue;
      put(m, r, n, result(m, n, f * acc[i * COLS + c], PAIR == 1 ? f * acc[(ROWS + i) * COLS + c] : timesOf(r, n)));
    }
  }
  if (wanted()) m.o.v[0] = 0.0;
  finish(m, WG * ROWS);
}
