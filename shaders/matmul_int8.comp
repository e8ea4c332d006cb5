// matmul_int8: multiply many rows of activations by a weight matrix in dot products of packed signed bytes, exact in int32; the
// sums of groups of 16 or 32 elements are scaled and added up in float32.
//   out[r,n] = sum_g s[r,g] (d[n,g] sum_i x[r,i] w[n,i] + m[n,g] sum_i x[r,i]) + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(that of w0, with b0[n]) (that of w1, with b1[n])
// A workgroup computes BM weight rows by BN rows of x; each invocation keeps TM by TN sums in registers. Panels of BK elements
// lie in shared memory twice: while one is multiplied, the next one is loaded into registers.
// Shapes    as matmul_vec, but x is what quantize makes of it (include/blocks.glsl), and w of a format of include/bytes
// Params    include/matmul.glsl
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of 32   4 TM, 5 TN: divisors of BM, BN
//           6 MATS, 7 PAIR, 8 BIAS, 9 RESIDUAL: as matmul_vec   10 BLOCKS: 1 leaves out in blocks of bytes (include/blocks.glsl)
//           for the next multiplication; BM and every n are multiples of 32, MATS and PIECES are 1, RESIDUAL 0
//           11 PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES
// Tails     past n, rows and k zeros are staged, nothing is read or stored there
// Shared    ((1 + PAIR) BM + BN)(2 BK + 32 + (8 + 8 OFFSET) BK / GROUP) bytes, GROUP and OFFSET of include/bytes.glsl; rows
//           are an odd number of 16-byte words apart, which keeps banks apart; 1.375 BM BN BLOCKS
// Order     k ascending by groups, f32
// Source    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference, 2018;
//           twins fallback/matmul.go and others
#version 460
#include "include/matmul.glsl"
#include "include/bytes.glsl"
#include "include/blocks.glsl"

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
layout(constant_id = 10) const uint BLOCKS = 0;
layout(constant_id = 11) const uint PIECES = 1;
#include "include/split.glsl"

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

// fetchWeights are 16 elements of the panel from element k0 on: piece i of all.
Bytes fetchWeights(Matrix m, uint i, uint k0) {
  uint row = i / SIXTEENS, n = m.first + row % BM, e = k0 + i % SIXTEENS * 16u;
  if (row >= ROWS_W || n >= m.n || e >= k) return Bytes(uvec4(0), vec2(0));
  return bytes16(rowAt(row < BM ? m.w : w1, n, rowBytes), e / 16u);
}

// fetchX are 16 elements of the panel of x likewise, and the head of their block.
void fetchX(uint firstR, uint i, uint k0, out uvec4 q, out uvec2 head) {
  uint row = i / SIXTEENS, r = firstR + row, e = k0 + i % SIXTEENS * 16u, at = r * k + e;
  q = uvec4(0);
  head = uvec2(0);
  if (row >= BN || r >= rows || e >= k) return;
  q = U32x4In(uint64_t(x)).v[at / 16u];
  head = U32x2In(uint64_t(x) + rows * k).v[at / 32u];
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

  Bytes w[EACH_W];
  uvec4 v[EACH_X];
  uvec2 head[EACH_X];
  uint half_ = 0;
  for (uint k0 = span.x; k0 < span.y + BK; k0 += BK) {
    // Loads of this panel are under way while the one before is multiplied.
    if (k0 < span.y) {
      [[unroll]] for (uint i = 0; i < EACH_W; i++) w[i] = fetchWeights(m, lane + i * WG, k0);
      [[unroll]] for (uint i = 0; i < EACH_X; i++) fetchX(firstR, lane + i * WG, k0, v[i], head[i]);
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
    uint local = tm + i * (BM / TM), n = m.first + local;
    if (n >= m.n) continue;
    float b = 0.0, bUp = 0.0;
    if ((BIAS >> m.index & 1u) != 0u) b = m.bias.v[n];
    if (PAIR == 1 && (BIAS & 2u) != 0u) bUp = b1.v[n];
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint localR = tn + j * (BN / TN), r = firstR + localR;
      if (r >= rows) continue;
      if (BLOCKS == 0) {
        finish(m, n, r, part, acc[i * TN + j], acc[(PAIR * TM + i) * TN + j]);
      } else {
        float t = acc[i * TN + j] + b;
        if (PAIR == 1) t = silu(t) * (acc[(PAIR * TM + i) * TN + j] + bUp);
        acc[i * TN + j] = t;
        atomicMax(largest[(localR * BM + local) / 32u], floatBitsToUint(abs(t))); // floats from zero up are in order as bits
      }
    }
  }
  if (BLOCKS == 0) return;
  barrier(); // the largest of each block is known before its elements are divided by it
  [[unroll]] for (uint i = 0; i < TM; i++) {
    [[unroll]] for (uint j = 0; j < TN; j++) {
      uint local = tm + i * (BM / TM), localR = tn + j * (BN / TN), at = localR * BM + local;
      if (m.first + local >= m.n || firstR + localR >= rows) continue;
      int q = quantised(acc[i * TN + j], inverseOf(uintBitsToFloat(largest[at / 32u])));
      atomicOr(packed[at / 4u], uint(q & 255) << (8u * (at % 4u)));
      atomicAdd(totals[at / 16u], q);
    }
  }
  barrier(); // the blocks are whole before they are stored
  for (uint i = lane; i < BN * BM / 32u; i += WG) {
    uint localR = i / (BM / 32u), n = m.first + i % (BM / 32u) * 32u, r = firstR + localR;
    if (n >= m.n || r >= rows) continue;
    uvec4 q[2];
    [[unroll]] for (uint h = 0; h < 8u; h++) q[h / 4u][h % 4u] = packed[8u * i + h];
    ivec2 sums = ivec2(totals[2u * i], totals[2u * i + 1u]);
    putBlock(uint64_t(m.o), (r * m.n + n) / 32u, rows * m.n / 32u, q, uintBitsToFloat(largest[i]), sums);
  }
}
