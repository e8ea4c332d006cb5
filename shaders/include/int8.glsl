// int8: tiles of a multiplication in dot products of packed signed bytes, exact in int32; the sums of groups of 16 or 32
// elements are scaled and added up in float32.
//   sum_g s[r,g] (d[n,g] sum_i x[r,i] w[n,i] + m[n,g] sum_i x[r,i])
// A workgroup computes BM rows of weights, with PAIR of two matrices, by BN rows of x, which is what quantize makes of it
// (blocks.glsl); each invocation keeps TM by TN sums in registers. Panels of BK elements lie in shared memory twice: while
// one is multiplied, the next one is loaded into registers.
// To be included behind format.glsl, the parameters x and k, and the constants
//   PAIR
//   BLOCKS   1 leaves the result in blocks of bytes for the next multiplication; BM and every n are multiples of 32
// The kernel says which rows those are, and where results go:
//   xRows()                        rows of x
//   weightsAt(row, w)              row `row` of the tile's weights, from BM on those of the second matrix; false: zeros
//   xAt(c, r)                      the row of x that row c of the tile is; false: zeros
//   has(row)                       says whether the matrix has weight row `row` of the tile
//   result(row, c, t, up)          takes the sums of such a row with row c, with PAIR those of both matrices
//   valueOf(row, c, t, up, y)      is what becomes of them, with BLOCKS; false: there is no row c
//   block(row, c, q, m, sums)      takes a block of those, from weight row `row` on, as putBlock does
// Shared    ((1 + PAIR) BM + BN)(2 BK + 32 + (8 + 8 OFFSET) BK / GROUP) bytes, GROUP and OFFSET of bytes.glsl; rows are an odd
//           number of 16-byte words apart, which keeps banks apart; 1.375 BM BN BLOCKS
// Source    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference, 2018
#ifndef INT8_GLSL
#define INT8_GLSL
#include "bytes.glsl"
#include "blocks.glsl"

layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint BM = 32;
layout(constant_id = 2) const uint BN = 32;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint TM = 4;
layout(constant_id = 5) const uint TN = 4;

const uint SETS = 1 + PAIR, ROWS_W = SETS * BM;
const uint SIXTEENS = BK / 16, STRIDE = SIXTEENS + 1; // of a row of a panel, in words of 16 bytes
const uint GROUPS = BK / GROUP;                       // scales of a row of a panel
const uint EACH_W = (ROWS_W * SIXTEENS + WG - 1) / WG, EACH_X = (BN * SIXTEENS + WG - 1) / WG;

shared uvec4 sw[2 * ROWS_W * STRIDE];
shared uvec4 sx[2 * BN * STRIDE];
shared float dw[2 * ROWS_W * GROUPS]; // scale of group g of row m at g ROWS_W + m
shared float dx[2 * BN * GROUPS];
shared uint largest[BLOCKS * BN * BM / 32 + 1]; // of the blocks of the result, as the bits of floats
shared uint packed[BLOCKS * BN * BM / 4 + 1];   // their bytes
shared int totals[BLOCKS * BN * BM / 16 + 1];   // and the sums of 16 of them
#if OFFSET
shared float mw[2 * ROWS_W * GROUPS]; // what is added to its elements
shared float mx[2 * BN * GROUPS];     // the sums that are multiplied with it
#endif

uint xRows();
bool weightsAt(uint row, out Row w);
bool xAt(uint c, out uint r);
bool has(uint row);
void result(uint row, uint c, float t, float up);
bool valueOf(uint row, uint c, float t, float up, out float y);
void block(uint row, uint c, uvec4 q[2], float m, ivec2 sums);

// fetchWeights are 16 elements of the panel from element k0 on: piece i of all.
Bytes fetchWeights(uint i, uint k0) {
  uint row = i / SIXTEENS, e = k0 + i % SIXTEENS * 16u;
  Row w;
  if (row >= ROWS_W || e >= k || !weightsAt(row, w)) return Bytes(uvec4(0), vec2(0));
  return bytes16(w, e / 16u);
}

// fetchX are 16 elements of the panel of x likewise, and the head of their block.
void fetchX(uint i, uint k0, out uvec4 q, out uvec2 head) {
  uint row = i / SIXTEENS, e = k0 + i % SIXTEENS * 16u, r;
  q = uvec4(0);
  head = uvec2(0);
  if (row >= BN || e >= k || !xAt(row, r)) return;
  uint at = r * k + e;
  q = U32x4In(uint64_t(x)).v[at / 16u];
  head = U32x2In(uint64_t(x) + xRows() * k).v[at / 32u];
}

// multiplyPanels sums over the elements of span, in whole panels.
void multiplyPanels(uvec2 span) {
  // Neighbouring invocations take neighbouring weight rows, so that their stores to out are neighbours too.
  uint lane = gl_LocalInvocationID.x, tm = lane % (BM / TM), tn = lane / (BM / TM);

  float acc[SETS * TM * TN];
  [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) acc[i] = 0.0;

  Bytes w[EACH_W];
  uvec4 v[EACH_X];
  uvec2 head[EACH_X];
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) w[i] = fetchWeights(lane + i * WG, k0);
      [[unroll]] for (uint i = 0; i < EACH_X; i++) fetchX(lane + i * WG, k0, v[i], head[i]);
    }
    if (k0 > span.x) {
      uint other = 1u - half_;
      for (uint g = 0; g < GROUPS; g++) {
        int sums[SETS * TM * TN];
        [[unroll]] for (uint i = 0; i < SETS * TM * TN; i++) sums[i] = 0;
        [[unroll]] for (uint s = 0; s < GROUP / 16; s++) {
          uint at = g * (GROUP / 16) + s;
          uvec4 b[TN];
          [[unroll]] for (uint j = 0; j < TN; j++) b[j] = sx[(other * BN + tn + j * (BN / TN)) * STRIDE + at];
          [[unroll]] for (uint i = 0; i < SETS * TM; i++) {
            uvec4 a = sw[(other * ROWS_W + i / TM * BM + tm + i % TM * (BM / TM)) * STRIDE + at];
            [[unroll]] for (uint j = 0; j < TN; j++) sums[i * TN + j] += dot16(a, b[j]);
          }
        }
        uint atW = (other * GROUPS + g) * ROWS_W, atX = (other * GROUPS + g) * BN;
        [[unroll]] for (uint i = 0; i < SETS * TM; i++) {
          uint row = atW + i / TM * BM + tm + i % TM * (BM / TM);
          float d = dw[row];
          [[unroll]] for (uint j = 0; j < TN; j++) {
            uint r = atX + tn + j * (BN / TN);
            acc[i * TN + j] = fma(float(sums[i * TN + j]) * d, dx[r], acc[i * TN + j]);
#if OFFSET
            acc[i * TN + j] = fma(mw[row], mx[r], acc[i * TN + j]);
#endif
          }
        }
      }
    }
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) {
        uint piece = lane + i * WG, row = piece / SIXTEENS, at = piece % SIXTEENS;
        if (row >= ROWS_W) continue;
        sw[(half_ * ROWS_W + row) * STRIDE + at] = w[i].q;
        if (at % (GROUP / 16) == 0u) {
          uint g = (half_ * GROUPS + at / (GROUP / 16)) * ROWS_W + row;
          dw[g] = w[i].k.x;
#if OFFSET
          mw[g] = w[i].k.y;
#endif
        }
      }
      [[unroll]] for (uint i = 0; i < EACH_X; i++) {
        uint piece = lane + i * WG, row = piece / SIXTEENS, at = piece % SIXTEENS;
        if (row >= BN) continue;
        sx[(half_ * BN + row) * STRIDE + at] = v[i];
        if (at % (GROUP / 16) == 0u) {
          uint g = (half_ * GROUPS + at / (GROUP / 16)) * BN + row;
          float s = uintBitsToFloat(head[i].x);
          dx[g] = s;
#if OFFSET
          vec2 both = sumsOf(head[i]);
          mx[g] = s * (GROUP == 32 ? both.x + both.y : both[at % 2u]);
#endif
        }
      }
    }
    half_ = 1u - half_;
    barrier(); // the next panel is staged, and the one before it is used up
  }

  if (BLOCKS == 1) {
    for (uint i = lane; i < BN * BM / 4u; i += WG) {
      packed[i] = 0u;
      if (i < BN * BM / 16u) totals[i] = 0;
      if (i < BN * BM / 32u) largest[i] = 0u;
    }
    barrier(); // they are empty before results go there
  }
  [[unroll]] for (uint i = 0; i < TM; i++) {
    uint row = tm + i * (BM / TM);
    if (!has(row)) continue;
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint c = tn + j * (BN / TN);
      float t = acc[i * TN + j], up = acc[(PAIR * TM + i) * TN + j];
      if (BLOCKS == 0) result(row, c, t, up);
      else if (valueOf(row, c, t, up, acc[i * TN + j])) // floats from zero up are in order as bits
        atomicMax(largest[(c * BM + row) / 32u], floatBitsToUint(abs(acc[i * TN + j])));
    }
  }
  if (BLOCKS == 0) return;
  barrier(); // the largest of each block is known before its elements are divided by it
  [[unroll]] for (uint i = 0; i < TM; i++) {
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint at = (tn + j * (BN / TN)) * BM + tm + i * (BM / TM);
      int q = quantised(acc[i * TN + j], inverseOf(uintBitsToFloat(largest[at / 32u]))); // a block of no results is not stored
      atomicOr(packed[at / 4u], uint(q & 255) << (8u * (at % 4u)));
      atomicAdd(totals[at / 16u], q);
    }
  }
  barrier(); // the blocks are whole before they are stored
  for (uint i = lane; i < BN * BM / 32u; i += WG) {
    uvec4 q[2];
    [[unroll]] for (uint h = 0; h < 8u; h++) q[h / 4u][h % 4u] = packed[8u * i + h];
    if (has(i % (BM / 32u) * 32u))
      block(i % (BM / 32u) * 32u, i / (BM / 32u), q, uintBitsToFloat(largest[i]), ivec2(totals[2u * i], totals[2u * i + 1u]));
  }
}
#endif
