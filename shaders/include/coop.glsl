// coop: tiles of a multiplication on matrix units, half precision factors, float32 sums, or with HALF_SUMS sums in half
// precision that are added to float32 sums every FOLD elements.
// A workgroup computes BM rows of weights, with PAIR of two matrices, by BN rows of x; its SGM by SGN subgroups take equal parts
// of the tile, in fragments of CM by CN. Panels of BK elements, weights decoded, lie in shared memory twice: while one is
// multiplied, the next one is loaded into registers. Each fragment is loaded once per step of CK.
// To be included behind format.glsl, the parameters x and k, and the constants
//   PAIR
//   X_EIGHTS   0: x is what matmul_halves makes of it, 1: halves in blocks of 8 (eights.glsl)
//   OUT_TOP    0: results leave one by one; else in such blocks, whose largest numbers are brought to 2^OUT_TOP; CM is a
//              multiple of 8
// The kernel says which rows those are:
//   weightsAt(row, w)       row `row` of the tile's weights, from BM on those of the second matrix; false: zeros
//   xAt(c, r)               the row of x that row c of the tile is; false: zeros
//   result(row, c, t, up)   takes the sums of weight row `row` with row c, with PAIR those of both matrices
//   eight(row, c, t, up)    takes those of 8 weight rows from row on, with OUT_TOP
// They multiply the sums with row c, which is row r of x, by backOf(c, r).
// Shared    4 (BK + 8) ((1 + PAIR) BM + BN) + 4 (1 + PAIR) SGM SGN CM CN bytes; rows of BK + 8 halves keep banks apart
// Source    Markidis et al., NVIDIA Tensor Core Programmability, Performance and Precision, 2018
#ifndef COOP_GLSL
#define COOP_GLSL
#include "eights.glsl"

layout(constant_id = 0) const uint WG = 128;
layout(constant_id = 1) const uint BM = 64;
layout(constant_id = 2) const uint BN = 64;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint SGM = 2;
layout(constant_id = 5) const uint SGN = 2;
layout(constant_id = 6) const uint CM = 16;
layout(constant_id = 7) const uint CN = 16;
layout(constant_id = 8) const uint CK = 16;

#ifdef HALF_SUMS
#define SUM float16_t
#else
#define SUM float
#endif

const uint SETS = 1 + PAIR;
const uint STRIDE = BK / 8 + 1;               // of a row in shared memory, in vectors of 8 halves
const uint PANEL_W = SETS * BM * STRIDE, PANEL_X = BN * STRIDE;
const uint FRAGS_M = BM / SGM / CM, FRAGS_N = BN / SGN / CN;
const uint SEGS = BK / 8;                     // segments of 8 elements in a row of a panel
const uint EACH_W = (SETS * BM * SEGS + WG - 1) / WG, EACH_X = (BN * SEGS + WG - 1) / WG;
const float HALF_MAX = 65504.0;

shared uvec4 sw[2 * PANEL_W]; // each 8 halves
shared uvec4 sx[2 * PANEL_X];
shared float results[SETS * SGM * SGN * CM * CN];

bool weightsAt(uint row, out Row w);
bool xAt(uint c, out uint r);
void result(uint row, uint c, float t, float up);
void eight(uint row, uint c, float t[8], float up[8]);

uint64_t scales; // of x, behind its halves

// backOf is what scaled the sums with row c of the tile, row r of x. Where blocks have scales, those of rows are in the panel of
// x in the end.
float backOf(uint c, uint r) { return X_EIGHTS == 1 ? scaleOf(sx[c].x) : F32In(scales).v[r]; }

uvec2 halves(vec4 v) {
  v = clamp(v, vec4(-HALF_MAX), vec4(HALF_MAX));
  return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw)));
}

// fetchWeights is segment i of the panel from element k0 on: row i / SEGS of both sets.
void fetchWeights(uint i, uint k0, out vec4 a, out vec4 b) {
  a = b = vec4(0);
  uint row = i / SEGS, e = k0 + i % SEGS * 8u;
  Row w;
  if (row >= SETS * BM || !weightsAt(row, w)) return;
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
uvec4 fetchX(uint i, uint k0) {
  uint row = i / SEGS, segment = k0 / 8u + i % SEGS, segs = (k + 7u) / 8u, r;
  if (row >= BN || segment >= segs || !xAt(row, r)) return uvec4(0);
  return U32x4In(uint64_t(x)).v[r * segs + segment];
}

// fetchTops finds the largest scales of the rows that this invocation stages segments of.
const uint SHARE = WG / BN < 1 ? 1 : WG / BN > 4 ? 4 : WG / BN; // invocations that share a row
void fetchTops(out uint tops[EACH_X]) {
  uint lane = gl_LocalInvocationID.x, r;
  for (uint i = lane; i < BN * SHARE; i += WG) sx[i].x = xAt(i / SHARE, r) ? largestOf(scales, r, k, i % SHARE, SHARE) : 0u;
  barrier(); // all shares are known before they are put together
  [[unroll]] for (uint i = 0; i < EACH_X; i++) {
    uint row = min((lane + i * WG) / SEGS, BN - 1u);
    tops[i] = 0u;
    for (uint s = 0; s < SHARE; s++) tops[i] = max(tops[i], sx[row * SHARE + s].x);
  }
  barrier(); // they are put together before panels take their place
}

// fetchScale is the scale of a segment as fetchX has it.
uint fetchScale(uint i, uint k0) {
  uint row = i / SEGS, segment = k0 / 8u + i % SEGS, r;
  return row < BN && 8u * segment < k && xAt(row, r) ? uint(U16In(scales).v[r * (k / 8u) + segment]) : 0u;
}

// multiplyPanels sums over the elements of span, in whole panels.
void multiplyPanels(uvec2 span) {
  uint lane = gl_LocalInvocationID.x, tileM = gl_SubgroupID % SGM * (BM / SGM), tileN = gl_SubgroupID / SGM * (BN / SGN);

  coopmat<SUM, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> acc[SETS * FRAGS_M * FRAGS_N];
  [[unroll]] for (uint i = 0; i < SETS * FRAGS_M * FRAGS_N; i++)
    acc[i] = coopmat<SUM, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
#ifdef HALF_SUMS
  coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> sums[SETS * FRAGS_M * FRAGS_N];
  [[unroll]] for (uint i = 0; i < SETS * FRAGS_M * FRAGS_N; i++)
    sums[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
#else
#define sums acc
#endif

  uvec4 w[EACH_W];
  uvec4 v[EACH_X];
  uint own[EACH_X], tops[EACH_X]; // scales of blocks and of rows
  if (X_EIGHTS == 1) fetchTops(tops);
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      vec4 a, b;
      [[unroll]] for (uint i = 0; i < EACH_W; i++) {
        fetchWeights(lane + i * WG, k0, a, b);
        w[i] = uvec4(halves(a), halves(b));
      }
      [[unroll]] for (uint i = 0; i < EACH_X; i++) {
        v[i] = fetchX(lane + i * WG, k0);
        if (X_EIGHTS == 1) own[i] = fetchScale(lane + i * WG, k0);
      }
    }
    if (k0 > span.x) {
      uint fromW = (1u - half_) * PANEL_W, fromX = (1u - half_) * PANEL_X;
      [[unroll]] for (uint e = 0; e < BK; e += CK) {
        coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b[FRAGS_N];
        [[unroll]] for (uint j = 0; j < FRAGS_N; j++)
          coopMatLoad(b[j], sx, fromX + (tileN + j * CN) * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint i = 0; i < SETS * FRAGS_M; i++) {
          coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a;
          uint row = i / FRAGS_M * BM + tileM + i % FRAGS_M * CM;
          coopMatLoad(a, sw, fromW + row * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
          [[unroll]] for (uint j = 0; j < FRAGS_N; j++) acc[i * FRAGS_N + j] = coopMatMulAdd(a, b[j], acc[i * FRAGS_N + j]);
        }
      }
#ifdef HALF_SUMS
      if ((k0 - span.x) % FOLD == 0u || k0 >= span.y) {
        [[unroll]] for (uint i = 0; i < SETS * FRAGS_M * FRAGS_N; i++) {
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
        if (X_EIGHTS == 1) v[i] = atScale(v[i], own[i], tops[i]);
        if (s < BN * SEGS) sx[half_ * PANEL_X + s / SEGS * STRIDE + s % SEGS] = v[i];
      }
    }
    half_ = 1u - half_;
    barrier(); // the next panel is staged, and the one before it is used up
  }

  if (X_EIGHTS == 1) {
    [[unroll]] for (uint i = 0; i < EACH_X; i++) {
      uint s = lane + i * WG;
      if (s < BN * SEGS && s % SEGS == 0u) sx[s / SEGS].x = tops[i];
    }
  }
  // Results leave fragment by fragment through shared memory, where every invocation knows which element it has.
  uint base = gl_SubgroupID * SETS * CM * CN;
  [[unroll]] for (uint i = 0; i < FRAGS_M; i++) {
    [[unroll]] for (uint j = 0; j < FRAGS_N; j++) {
      [[unroll]] for (uint s = 0; s < SETS; s++)
        coopMatStore(sums[(s * FRAGS_M + i) * FRAGS_N + j], results, base + s * CM * CN, CM,
                     gl_CooperativeMatrixLayoutColumnMajor);
      barrier(); // the fragment is written before the subgroup reads it; all subgroups come here as often
      if (OUT_TOP == 0) {
        for (uint e = gl_SubgroupInvocationID; e < CM * CN; e += gl_SubgroupSize) {
          float up = 0.0;
          if (PAIR == 1) up = results[base + CM * CN + e];
          result(tileM + i * CM + e % CM, tileN + j * CN + e / CM, results[base + e], up);
        }
      } else {
        for (uint e = 8u * gl_SubgroupInvocationID; e < CM * CN; e += 8u * gl_SubgroupSize) {
          float t[8], up[8];
          [[unroll]] for (uint s = 0; s < 8u; s++) {
            t[s] = results[base + e + s];
            up[s] = PAIR == 1 ? results[base + CM * CN + e + s] : 0.0;
          }
          eight(tileM + i * CM + e % CM, tileN + j * CN + e / CM, t, up);
        }
      }
      barrier(); // it is read before the next one overwrites it
    }
  }
}
#endif
