// matmul_coop: multiply many rows of activations by a weight matrix on matrix units: half precision factors, float32 sums, or
// with HALF_SUMS sums in half precision that are added to float32 sums every FOLD elements.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// A workgroup computes BM weight rows by BN rows of x; its SGM by SGN subgroups take equal parts of the tile, in fragments of
// CM by CN. Panels of BK elements, weights decoded, lie in shared memory twice: while one is multiplied, the next one is loaded
// into registers. Each fragment is loaded once per step of CK.
// Shapes    as matmul_vec, but x is what matmul_halves makes of it: rows of halves and what to multiply their sums by
// Params    include/matmul.glsl
// Spec      0 WG = SGM SGN subgroups of the size that is asked for   1 BM, 2 BN: tile   3 BK: multiple of 8 and CK, at most
//           BLOCK_LEN or any if that is 1   4 SGM, 5 SGN: subgroups   6 CM, 7 CN, 8 CK: fragment, of the device's list
//           9 MATS, 10 PAIR, 11 BIAS, 12 RESIDUAL: as matmul_vec   13 SUPER: tiles of a super-row
//           14, or 15 behind 14 FOLD, a multiple of BK, with HALF_SUMS, PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES; tiles are taken in super-rows
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    4 (BK + 8) ((1 + PAIR) BM + BN) + 4 (1 + PAIR) SGM SGN CM CN bytes; rows of BK + 8 halves keep banks apart
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
layout(constant_id = 0) const uint WG = 128;
layout(constant_id = 1) const uint BM = 64;
layout(constant_id = 2) const uint BN = 64;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint SGM = 2;
layout(constant_id = 5) const uint SGN = 2;
layout(constant_id = 6) const uint CM = 16;
layout(constant_id = 7) const uint CN = 16;
layout(constant_id = 8) const uint CK = 16;
layout(constant_id = 9) const uint MATS = 1;
layout(constant_id = 10) const uint PAIR = 0;
layout(constant_id = 11) const uint BIAS = 0;
layout(constant_id = 12) const uint RESIDUAL = 0;
layout(constant_id = 13) const uint SUPER = 8;
#ifdef HALF_SUMS
layout(constant_id = 14) const uint FOLD = 256;
layout(constant_id = 15) const uint PIECES = 1;
#define SUM float16_t
#else
layout(constant_id = 14) const uint PIECES = 1;
#define SUM float
#endif
#include "include/split.glsl"

const uint SETS = 1 + PAIR;
const uint STRIDE = BK / 8 + 1;               // of a row in shared memory, in vectors of 8 halves
const uint PANEL_W = SETS * BM * STRIDE, PANEL_X = BN * STRIDE;
const uint FM = BM / SGM / CM, FN = BN / SGN / CN;
const uint SEGS = BK / 8;                     // segments of 8 elements in a row of a panel
const uint EACH_W = (SETS * BM * SEGS + WG - 1) / WG, EACH_X = (BN * SEGS + WG - 1) / WG;
const float HALF_MAX = 65504.0;

shared uvec4 sw[2 * PANEL_W]; // each 8 halves
shared uvec4 sx[2 * PANEL_X];
shared float results[SETS * SGM * SGN * CM * CN];

uvec2 halves(vec4 v) {
  v = clamp(v, vec4(-HALF_MAX), vec4(HALF_MAX));
  return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw)));
}

// fetchWeights is segment i of the panel from element k0 on: row i / SEGS of both sets.
void fetchWeights(Matrix m, uint i, uint k0, out vec4 a, out vec4 b) {
  a = b = vec4(0);
  uint row = i / SEGS, n = m.first + row % BM, e = k0 + i % SEGS * 8u;
  if (row >= SETS * BM || n >= m.n) return;
  Row w = rowAt(row < BM ? m.w : w1, n, rowBytes);
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
}

// fetchX is segment i of the panel of x from element k0 on; its rows are padded to whole segments.
uvec4 fetchX(uint firstR, uint i, uint k0) {
  uint row = i / SEGS, r = firstR + row, segment = k0 / 8u + i % SEGS, segments = (k + 7u) / 8u;
  if (row >= BN || r >= rows || segment >= segments) return uvec4(0);
  return U32x4In(uint64_t(x)).v[r * segments + segment];
}

void main() {
  beginFormat(k);
  Tile at = tileOf(SUPER);
  Matrix m = matrixOf(at.block, BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uvec2 span = spanOf(at.piece, BK);
  uint firstR = at.rows * BN, lane = gl_LocalInvocationID.x;
  uint tileM = gl_SubgroupID % SGM * (BM / SGM), tileN = gl_SubgroupID / SGM * (BN / SGN);

  coopmat<SUM, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> acc[SETS * FM * FN];
  [[unroll]] for (uint i = 0; i < SETS * FM * FN; i++)
    acc[i] = coopmat<SUM, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
#ifdef HALF_SUMS
  coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> sums[SETS * FM * FN];
  [[unroll]] for (uint i = 0; i < SETS * FM * FN; i++)
    sums[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
#else
#define sums acc
#endif

  uvec4 w[EACH_W];
  uvec4 v[EACH_X];
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      vec4 a, b;
      [[unroll]] for (uint i = 0; i < EACH_W; i++) {
        fetchWeights(m, lane + i * WG, k0, a, b);
        w[i] = uvec4(halves(a), halves(b));
      }
      [[unroll]] for (uint i = 0; i < EACH_X; i++) v[i] = fetchX(firstR, lane + i * WG, k0);
    }
    if (k0 > span.x) {
      uint fromW = (1u - half_) * PANEL_W, fromX = (1u - half_) * PANEL_X;
      [[unroll]] for (uint e = 0; e < BK; e += CK) {
        coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b[FN];
        [[unroll]] for (uint j = 0; j < FN; j++)
          coopMatLoad(b[j], sx, fromX + (tileN + j * CN) * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint i = 0; i < SETS * FM; i++) {
          coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a;
          uint row = i / FM * BM + tileM + i % FM * CM;
          coopMatLoad(a, sw, fromW + row * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint j = 0; j < FN; j++) acc[i * FN + j] = coopMatMulAdd(a, b[j], acc[i * FN + j]);
        }
      }
#ifdef HALF_SUMS
      if ((k0 - span.x) % FOLD == 0u || k0 >= span.y) {
        [[unroll]] for (uint i = 0; i < SETS * FM * FN; i++) {
          sums[i] += coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(acc[i]);
          acc[i] = coopmat<SUM, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
        }
      }
#endif
    }
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) {
        uint s = lane + i * WG;
        if (s < SETS * BM * SEGS) sw[half_ * PANEL_W + s / SEGS * STRIDE + s % SEGS] = w[i];
      }
      [[unroll]] for (uint i = 0; i < EACH_X; i++) {
        uint s = lane + i * WG;
        if (s < BN * SEGS) sx[half_ * PANEL_X + s / SEGS * STRIDE + s % SEGS] = v[i];
      }
    }
    half_ = 1u - half_;
    barrier(); // the next panel is staged, and the one before it is used up
  }

  // Results leave fragment by fragment through shared memory, where every invocation knows which element it has.
  uint base = gl_SubgroupID * SETS * CM * CN;
  F32In back = F32In(uint64_t(x) + 2ul * rows * ((k + 7u) / 8u * 8u));
  [[unroll]] for (uint i = 0; i < FM; i++) {
    [[unroll]] for (uint j = 0; j < FN; j++) {
      [[unroll]] for (uint s = 0; s < SETS; s++)
        coopMatStore(sums[(s * FM + i) * FN + j], results, base + s * CM * CN, CM, gl_CooperativeMatrixLayoutColumnMajor);
      barrier(); // the fragment is written before the subgroup reads it; all subgroups come here as often
      for (uint e = gl_SubgroupInvocationID; e < CM * CN; e += gl_SubgroupSize) {
        uint n = m.first + tileM + i * CM + e % CM, r = firstR + tileN + j * CN + e / CM;
        if (n >= m.n || r >= rows) continue;
        float scale = back.v[r], up = 0.0;
        if (PAIR == 1) up = results[base + CM * CN + e] * scale;
        finish(m, n, r, at.piece, results[base + e] * scale, up);
      }
      barrier(); // it is read before the next one overwrites it
    }
  }
}
