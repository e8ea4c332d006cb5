// matmul_half: multiply many rows of activations by a weight matrix in packed half precision, two products at a time; the sums
// of FOLD elements are added up in float32.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// A workgroup computes BM weight rows by BN rows of x; each invocation keeps TM by TN sums in registers. Panels of BK elements,
// weights decoded, lie in shared memory twice: while one is multiplied, the next one is loaded into registers.
// Shapes    as matmul_vec, but x is what matmul_halves makes of it: rows of halves and what to multiply their sums by
// Params    include/matmul.glsl
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of FOLD   4 TM, 5 TN: divisors of BM, BN
//           6 MATS, 7 PAIR, 8 BIAS, 9 RESIDUAL: as matmul_vec   10 FOLD: multiple of 8   11 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    (4 BK + 32)((1 + PAIR) BM + BN) bytes; rows are an odd number of 16-byte words apart, which keeps banks apart
// Order     even and odd k ascending in half precision over FOLD; their sum, f32. With x below 16 and weights cut off at 255,
//           the FOLD/2 products of a half stay below its largest number
// Source    Blanchard et al., Mixed precision block fused multiply-add, 2020; twins fallback/matmul.go and others
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
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
layout(constant_id = 10) const uint FOLD = 32;
layout(constant_id = 11) const uint PIECES = 1;
#include "include/split.glsl"

const uint SETS = 1 + PAIR, ROWS_W = SETS * BM;
const uint SEGS = BK / 8, STRIDE = SEGS + 1; // segments of 8 halves, 16 bytes, in a row of a panel
const uint EACH_W = (ROWS_W * SEGS + WG - 1) / WG, EACH_X = (BN * SEGS + WG - 1) / WG;
const float LARGEST = 255.0;

shared uvec4 sw[2 * ROWS_W * STRIDE];
shared uvec4 sx[2 * BN * STRIDE];

uvec2 halves(vec4 v) {
  f16vec4 h = f16vec4(clamp(v, vec4(-LARGEST), vec4(LARGEST)));
  return uvec2(packFloat2x16(h.xy), packFloat2x16(h.zw));
}

// fetchWeights is segment i of the panel from element k0 on: row i / SEGS of both sets.
uvec4 fetchWeights(Matrix m, uint i, uint k0) {
  uint row = i / SEGS, n = m.first + row % BM, e = k0 + i % SEGS * 8u;
  if (row >= ROWS_W || n >= m.n) return uvec4(0);
  Row w = rowAt(row < BM ? m.w : w1, n, rowBytes);
  vec4 a = vec4(0), b = vec4(0);
  if (e + 8u <= k) decode8(w, e / 8u, a, b);
#if BLOCK_LEN == 1
  else {
    [[unroll]] for (uint j = 0; j < 8u; j++) {
      float v = e + j < k ? decode1(w, e + j) : 0.0;
      if (j < 4u) a[j] = v;
      else b[j - 4u] = v;
    }
  }
#endif
  return uvec4(halves(a), halves(b));
}

// fetchX is segment i of the panel of x from element k0 on; its rows are padded to whole segments.
uvec4 fetchX(uint firstR, uint i, uint k0) {
  uint row = i / SEGS, r = firstR + row, segment = k0 / 8u + i % SEGS, segments = (k + 7u) / 8u;
  if (row >= BN || r >= rows || segment >= segments) return uvec4(0);
  return U32x4In(uint64_t(x)).v[r * segments + segment];
}

// fused adds the products of 8 halves to two sums.
f16vec2 fused(uvec4 a, uvec4 b, f16vec2 s) {
  [[unroll]] for (uint i = 0; i < 4u; i++) s = fma(unpackFloat2x16(a[i]), unpackFloat2x16(b[i]), s);
  return s;
}

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint part = gl_WorkGroupID.z % PIECES, firstR = gl_WorkGroupID.z / PIECES * BN, lane = gl_LocalInvocationID.x;
  uvec2 span = spanOf(part, BK);
  // Neighbouring invocations take neighbouring weight rows, so that their stores to out are neighbours too.
  uint tm = lane % (BM / TM), tn = lane / (BM / TM);

  float acc[SETS * TM * TN];
  [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) acc[i] = 0.0;

  uvec4 w[EACH_W], v[EACH_X];
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) w[i] = fetchWeights(m, lane + i * WG, k0);
      [[unroll]] for (uint i = 0; i < EACH_X; i++) v[i] = fetchX(firstR, lane + i * WG, k0);
    }
    if (k0 > span.x) {
      uint other = 1u - half_;
      for (uint e = 0; e < SEGS; e += FOLD / 8u) {
        f16vec2 sums[SETS * TM * TN];
        [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) sums[i] = f16vec2(0);
        for (uint s = e; s < e + FOLD / 8u; s++) {
          uvec4 b[TN];
          [[unroll]] for (uint j = 0; j < TN; j++) b[j] = sx[(other * BN + tn + j * (BN / TN)) * STRIDE + s];
          [[unroll]] for (uint i = 0; i < SETS * TM; i++) {
            uvec4 a = sw[(other * ROWS_W + i / TM * BM + tm + i % TM * (BM / TM)) * STRIDE + s];
            [[unroll]] for (uint j = 0; j < TN; j++) sums[i * TN + j] = fused(a, b[j], sums[i * TN + j]);
          }
        }
        [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) acc[i] += float(sums[i].x) + float(sums[i].y);
      }
    }
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) {
        uint s = lane + i * WG;
        if (s < ROWS_W * SEGS) sw[(half_ * ROWS_W + s / SEGS) * STRIDE + s % SEGS] = w[i];
      }
      [[unroll]] for (uint i = 0; i < EACH_X; i++) {
        uint s = lane + i * WG;
        if (s < BN * SEGS) sx[(half_ * BN + s / SEGS) * STRIDE + s % SEGS] = v[i];
      }
    }
    half_ = 1u - half_;
    barrier(); // the next panel is staged, and the one before it is used up
  }

  F32In back = F32In(uint64_t(x) + 2ul * rows * ((k + 7u) / 8u * 8u));
  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint n = m.first + tm + i * (BM / TM);
    if (n >= m.n) continue;
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint r = firstR + tn + j * (BN / TN);
      if (r >= rows) continue;
      float scale = back.v[r];
      finish(m, n, r, part, acc[i * TN + j] * scale, acc[(PAIR * TM + i) * TN + j] * scale);
    }
  }
}
