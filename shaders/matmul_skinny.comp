// matmul_skinny: multiply some rows of activations (9 to 64) by a weight matrix on matrix units. So few share each weight that
// reading those is what counts: every subgroup streams panels of its own, with nothing to wait for but its own loads.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// A workgroup computes BM weight rows by BN rows of x. Its SGS subgroups take the panels of BK elements of k in turn, each all
// results over its share of k; their sums are added up in the end, fragment by fragment. A panel is BK / 16 units of the format,
// whatever elements these hold: a unit is decoded at once from its widest loads, and x is staged in the same order. While a
// panel is multiplied, the next one is on its way into registers.
// Shapes    as matmul_coop: x is what matmul_halves makes of it, or halves in blocks of 8
// Params    include/matmul.glsl
// Spec      0 WG = SGS subgroups of the size that is asked for   1 BM, 2 BN: tile   3 BK: multiple of 16 and CK
//           4 SGS: subgroups   5 CM, 6 CN, 7 CK: fragment, of the device's list
//           8 MATS, 9 PAIR, 10 BIAS, 11 RESIDUAL: as matmul_vec   12 X_EIGHTS, 13 OUT_TOP: as matmul_coop
//           14 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     weight rows past n repeat row n-1, rows of x past the last repeat it; neither is stored. Past k zeros are staged
// Shared    2 SGS (BK + 8) ((1 + PAIR) BM + BN) + 4 (1 + PAIR) SGS CM CN bytes; rows of BK + 8 halves keep banks apart
// Order     each subgroup's units ascending, then subgroups ascending, f32; weights beyond the range of half are its largest
// Source    Frantar et al., MARLIN: mixed-precision auto-regressive parallel inference on large language models, 2024, for where
//           the limit lies; twins fallback/matmul.go and others
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
layout(constant_id = 2) const uint BN = 16;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint SGS = 4;
layout(constant_id = 5) const uint CM = 16;
layout(constant_id = 6) const uint CN = 16;
layout(constant_id = 7) const uint CK = 16;
layout(constant_id = 8) const uint MATS = 1;
layout(constant_id = 9) const uint PAIR = 0;
layout(constant_id = 10) const uint BIAS = 0;
layout(constant_id = 11) const uint RESIDUAL = 0;
layout(constant_id = 12) const uint X_EIGHTS = 0;
layout(constant_id = 13) const uint OUT_TOP = 0;
layout(constant_id = 14) const uint PIECES = 1;
#include "include/split.glsl"
#include "include/eights.glsl"

const uint SETS = 1 + PAIR;
const uint SG = WG / SGS;
const uint UNITS = BK / 16;                   // of a row of a panel
const uint STRIDE = BK / 8 + 1;               // of a row in shared memory, in vectors of 8 halves
const uint PANEL_W = SETS * BM * STRIDE, PANEL_X = BN * STRIDE;
const uint FM = BM / CM, FN = BN / CN;
const uint EACH_W = (SETS * BM * UNITS + SG - 1) / SG, EACH_X = (2 * BN * UNITS + SG - 1) / SG;
const uint SHARE = WG / BN < 1 ? 1 : WG / BN > 4 ? 4 : WG / BN; // invocations that share a row of x
const float HALF_MAX = 65504.0;

shared uvec4 sw[SGS * PANEL_W]; // each 8 halves
shared uvec4 sx[SGS * PANEL_X];
shared float results[SETS * SGS * CM * CN];

uvec2 halves(vec4 v) {
  v = clamp(v, vec4(-HALF_MAX), vec4(HALF_MAX));
  return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw)));
}

// unitOf decodes a unit of a row, zeros past its end.
void unitOf(Row w, uint unit, out vec4 v[4]) {
  uint whole = k / 16u;
  v[0] = v[1] = v[2] = v[3] = vec4(0);
#if BLOCK_LEN == 1
  if (unit >= whole) {
    [[unroll]] for (uint j = 0; j < 16u; j++) if (16u * unit + j < k) v[j / 4u][j % 4u] = decode1(w, 16u * unit + j);
    return;
  }
#endif
  vec4 d[4];
  decode16(w, min(unit, whole - 1u), d);
  [[unroll]] for (uint j = 0; j < 4u; j++) v[j] = unit < whole ? d[j] : vec4(0);
}

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint piece = gl_WorkGroupID.z % PIECES, firstR = gl_WorkGroupID.z / PIECES * BN;
  uvec2 span = spanOf(piece, BK);
  uint lane = gl_SubgroupInvocationID, ownW = gl_SubgroupID * PANEL_W, ownX = gl_SubgroupID * PANEL_X;
  uint segs = (k + 7u) / 8u, units = (k + 15u) / 16u;

  coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> acc[SETS * FM * FN];
  [[unroll]] for (uint i = 0; i < SETS * FM * FN; i++)
    acc[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
  // The first round multiplies zeros, so that the loop has one form for all rounds and no branch between loads and products.
  uvec4 w[2 * EACH_W];
  uvec4 v[EACH_X];
  uint own[EACH_X], tops[EACH_X]; // scales of blocks and of rows
  [[unroll]] for (uint i = 0; i < 2 * EACH_W; i++) w[i] = uvec4(0);
  [[unroll]] for (uint i = 0; i < EACH_X; i++) {
    v[i] = uvec4(0);
    own[i] = 0u;
  }
  uint64_t scales = uint64_t(x) + 16ul * rows * segs;
  if (X_EIGHTS == 1) {
    for (uint i = gl_LocalInvocationID.x; i < BN * SHARE; i += WG)
      sx[i].x = largestOf(scales, min(firstR + i / SHARE, rows - 1u), k, i % SHARE, SHARE);
    barrier(); // all shares are known before they are put together
    [[unroll]] for (uint i = 0; i < EACH_X; i++) {
      uint row = min((lane + i * SG) / (2u * UNITS), BN - 1u);
      tops[i] = 0u;
      for (uint s = 0; s < SHARE; s++) tops[i] = max(tops[i], sx[row * SHARE + s].x);
    }
    barrier(); // they are put together before panels take their place
  }

  // All subgroups take as many rounds: some drivers make a barrier of the subgroup one of the workgroup.
  for (uint round = span.x; round < span.y + SGS * BK; round += SGS * BK) {
    [[unroll]] for (uint i = 0; i < EACH_W; i++) {
      uint at = lane + i * SG;
      if (at < SETS * BM * UNITS)
        [[unroll]] for (uint j = 0; j < 2u; j++) sw[ownW + at / UNITS * STRIDE + at % UNITS * 2u + j] = w[2u * i + j];
    }
    [[unroll]] for (uint i = 0; i < EACH_X; i++) {
      uint at = lane + i * SG;
      if (X_EIGHTS == 1) v[i] = atScale(v[i], own[i], tops[i]);
      if (at < 2u * BN * UNITS) sx[ownX + at / (2u * UNITS) * STRIDE + at % (2u * UNITS)] = v[i];
    }
    // They are written before the subgroup reads them.
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
    uint k0 = round + gl_SubgroupID * BK, first = k0 < span.y ? k0 / 16u : units; // past the end, as in the last round, zeros
    [[unroll]] for (uint i = 0; i < EACH_W; i++) {
      uint at = lane + i * SG, row = at / UNITS;
      vec4 d[4];
      // Where a subgroup has more invocations than the panel units, those that are left read rows once more.
      unitOf(rowAt(PAIR == 0 || row < BM ? m.w : w1, min(m.first + row % BM, m.n - 1u), rowBytes), first + at % UNITS, d);
      [[unroll]] for (uint j = 0; j < 2u; j++) w[2u * i + j] = uvec4(halves(d[2u * j]), halves(d[2u * j + 1u]));
    }
    [[unroll]] for (uint i = 0; i < EACH_X; i++) {
      uint at = lane + i * SG, unit = first + at % (2u * UNITS) / 2u, r = min(firstR + at / (2u * UNITS), rows - 1u);
      uint seg = segments(min(unit, units - 1u))[at % 2u];
      v[i] = U32x4In(uint64_t(x)).v[r * segs + min(seg, segs - 1u)];
      if (unit >= units || seg >= segs) v[i] = uvec4(0);
      if (X_EIGHTS == 1) own[i] = uint(U16In(scales).v[r * segs + min(seg, segs - 1u)]);
    }
    [[unroll]] for (uint e = 0; e < BK; e += CK) {
      coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b[FN];
      [[unroll]] for (uint j = 0; j < FN; j++)
        coopMatLoad(b[j], sx, ownX + j * CN * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint i = 0; i < SETS * FM; i++) {
        coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a;
        coopMatLoad(a, sw, ownW + i * CM * STRIDE + e / 8u, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint j = 0; j < FN; j++) acc[i * FN + j] = coopMatMulAdd(a, b[j], acc[i * FN + j]);
      }
    }
    // The subgroup has used its panels up, and may write the next.
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
  }

  // Fragment by fragment, the subgroups' sums meet in shared memory.
  const uint SIZE = CM * CN, EACH = OUT_TOP > 0 ? 8 : 1; // results of an invocation at a time
  if (X_EIGHTS == 1 && gl_SubgroupID == 0u) {
    [[unroll]] for (uint i = 0; i < EACH_X; i++) {
      uint at = lane + i * SG;
      if (at < 2u * BN * UNITS && at % (2u * UNITS) == 0u) sx[at / (2u * UNITS)].x = tops[i];
    }
  }
  [[unroll]] for (uint i = 0; i < FM; i++) {
    [[unroll]] for (uint j = 0; j < FN; j++) {
      [[unroll]] for (uint s = 0; s < SETS; s++)
        coopMatStore(acc[(s * FM + i) * FN + j], results, (s * SGS + gl_SubgroupID) * SIZE, CM,
                     gl_CooperativeMatrixLayoutColumnMajor);
      barrier(); // all subgroups have left theirs before they are added up
      for (uint e = EACH * gl_LocalInvocationID.x; e < SIZE; e += EACH * WG) {
        uint n = m.first + i * CM + e % CM, c = j * CN + e / CM, r = firstR + c;
        if (n >= m.n || r >= rows) continue;
        float back = X_EIGHTS == 1 ? scaleOf(sx[c].x) : F32In(scales).v[r];
        vec4 y[2];
        [[unroll]] for (uint o = 0; o < EACH; o++) {
          float t = 0.0, up = 0.0;
          for (uint s = 0; s < SGS; s++) {
            t += results[s * SIZE + e + o];
            if (PAIR == 1) up += results[(SGS + s) * SIZE + e + o];
          }
          if (OUT_TOP == 0) finish(m, n, r, piece, t * back, up * back);
          else y[o / 4u][o % 4u] = finished(m, n + o, r, t * back, up * back);
        }
        if (OUT_TOP > 0) putEight(uint64_t(m.o), (r * m.n + n) / 8u, rows * m.n / 8u, y, OUT_TOP);
      }
      barrier(); // they are added up before the next ones overwrite them
    }
  }
}
