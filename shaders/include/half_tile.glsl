// half_tile: tiles of a multiplication in packed half precision, two products at a time; the sums of FOLD elements are added
// up in float32.
// A workgroup computes BM rows of weights, with PAIR of two matrices, by BN rows of x, which is what matmul_halves makes of it:
// rows of halves and what to multiply their sums by; each invocation keeps TM by TN sums in registers. Panels of BK elements,
// weights decoded, lie in shared memory twice: while one is multiplied, the next one is loaded into registers.
// To be included behind format.glsl, the parameters x and k, and the constants
//   PAIR
//   FOLD   multiple of 8; BK is a multiple of it
// The kernel says which rows those are, and where results go:
//   weightsAt(row, w)       row `row` of the tile's weights, from BM on those of the second matrix; false: zeros
//   xAt(c, r)               the row of x that row c of the tile is; false: zeros
//   has(row)                says whether the matrix has weight row `row` of the tile
//   result(row, c, t, up)   takes the sums of such a row with row c, with PAIR those of both matrices
// Shared    (4 BK + 32)((1 + PAIR) BM + BN) bytes; rows are an odd number of 16-byte words apart, which keeps banks apart
// Order     even and odd k ascending in half precision over FOLD; their sum, f32. With x below 16 and weights cut off at 255,
//           the FOLD/2 products of a half stay below its largest number
// Source    Blanchard et al., Mixed precision block fused multiply-add, 2020
#ifndef HALF_TILE_GLSL
#define HALF_TILE_GLSL

layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint BM = 32;
layout(constant_id = 2) const uint BN = 32;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint TM = 4;
layout(constant_id = 5) const uint TN = 4;

const uint SETS = 1 + PAIR, ROWS_W = SETS * BM;
const uint SEGS = BK / 8, STRIDE = SEGS + 1; // segments of 8 halves, 16 bytes, in a row of a panel
const uint EACH_W = (ROWS_W * SEGS + WG - 1) / WG, EACH_X = (BN * SEGS + WG - 1) / WG;
const float LARGEST = 255.0;

shared uvec4 sw[2 * ROWS_W * STRIDE];
shared uvec4 sx[2 * BN * STRIDE];

bool weightsAt(uint row, out Row w);
bool xAt(uint c, out uint r);
bool has(uint row);
void result(uint row, uint c, float t, float up);

uvec2 halves(vec4 v) {
  f16vec4 h = f16vec4(clamp(v, vec4(-LARGEST), vec4(LARGEST)));
  return uvec2(packFloat2x16(h.xy), packFloat2x16(h.zw));
}

// fetchWeights is segment i of the panel from element k0 on: row i / SEGS of both sets.
uvec4 fetchWeights(uint i, uint k0) {
  uint row = i / SEGS, e = k0 + i % SEGS * 8u;
  Row w;
  if (row >= ROWS_W || !weightsAt(row, w)) return uvec4(0);
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
uvec4 fetchX(uint i, uint k0) {
  uint row = i / SEGS, segment = k0 / 8u + i % SEGS, segments = (k + 7u) / 8u, r;
  if (row >= BN || segment >= segments || !xAt(row, r)) return uvec4(0);
  return U32x4In(uint64_t(x)).v[r * segments + segment];
}

// fused adds the products of 8 halves to two sums.
f16vec2 fused(uvec4 a, uvec4 b, f16vec2 s) {
  [[unroll]] for (uint i = 0; i < 4u; i++) s = fma(unpackFloat2x16(a[i]), unpackFloat2x16(b[i]), s);
  return s;
}

// multiplyPanels sums over the elements of span, in whole panels.
void multiplyPanels(uvec2 span) {
  // Neighbouring invocations take neighbouring weight rows, so that their stores to out are neighbours too.
  uint lane = gl_LocalInvocationID.x, tm = lane % (BM / TM), tn = lane / (BM / TM);

  float acc[SETS * TM * TN];
  [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) acc[i] = 0.0;

  uvec4 w[EACH_W], v[EACH_X];
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) w[i] = fetchWeights(lane + i * WG, k0);
      [[unroll]] for (uint i = 0; i < EACH_X; i++) v[i] = fetchX(lane + i * WG, k0);
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

  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint row = tm + i * (BM / TM);
    if (!has(row)) continue;
    [[unroll]] for (uint j = 0; j < TN; j++)
      result(row, tn + j * (BN / TN), acc[i * TN + j], acc[(PAIR * TM + i) * TN + j]);
  }
}
#endif
