// matmul_experts_tile: multiply the rows that use the same expert together, tiled in shared memory with register tiles.
//   out[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n]
//   s = t used + j;  e = ids[s], or with HEADS j
// A workgroup computes BM weight rows of one expert by up to BN of its slots, as matmul_tile does; the schedule of
// matmul_experts_group says which. Each panel of weights is read once for BN slots, however the tokens chose.
// Shapes    x [slots / used or slots, k] f32; w [experts n, k] in the format of the manifest's define; bias [experts, n],
//           out [slots, n] f32; order [slots], tiles [z of the grid, 3] u32; row-major; out aliases nothing
// Params    addresses; slots: rows of out; used: slots of a token; n: weight rows of an expert; k; rowBytes
// Spec      0 WG = (BM/TM)(BN/TN)   1 BM, 2 BN: tile   3 BK: multiple of 8, at most BLOCK_LEN or any if that is 1
//           4 TM, 5 TN: divisors of BM, BN   6 BIAS   7 X_PER_SLOT
//           8 HEADS: 1 when expert j is slot j's of every token; then order and tiles are not read
// Grid      x, y: ceil(n / BM), folded; z: tiles, those without slots end at once, or with HEADS used ceil(tokens / BN)
// Tails     past n, the tile's slots and k zeros are staged, nothing is read or stored there
// Shared    4 (BK (BM + 1 + BN + 1) + BN) bytes
// Order     k ascending, f32
// Source    host/compute/matmul_experts.go, matmul_heads.go; twins fallback/matmul_experts.go, matmul_heads.go
#version 460
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint BM = 32;
layout(constant_id = 2) const uint BN = 32;
layout(constant_id = 3) const uint BK = 32;
layout(constant_id = 4) const uint TM = 4;
layout(constant_id = 5) const uint TN = 4;
layout(constant_id = 6) const uint BIAS = 0;
layout(constant_id = 7) const uint X_PER_SLOT = 0;
layout(constant_id = 8) const uint HEADS = 0;

layout(push_constant) uniform Params {
  F32In x;
  Row w;
  F32In bias;
  U32In order;
  U32In tiles;
  F32Out o;
#ifdef CODEBOOK
  U32In codebook;
#endif
  uint slots;
  uint used;
  uint n;
  uint k;
  uint rowBytes;
};

shared float sw[BK * (BM + 1)];
shared float sx[BK * (BN + 1)];
shared uint slotOf[BN];
#include "include/panel.glsl"

// stageX stages the rows of x that the tile's slots multiply by BK elements, likewise transposed.
void stageX(uint have, uint k0) {
  for (uint i = gl_LocalInvocationID.x; i < BN * BK; i += WG) {
    uint c = i / BK, e = i % BK;
    float v = 0.0;
    if (c < have && k0 + e < k) v = x.v[(X_PER_SLOT == 1 ? slotOf[c] : slotOf[c] / used) * k + k0 + e];
    sx[e * (BN + 1u) + c] = v;
  }
}

void main() {
  beginFormat(k);
  uint first = foldedWorkgroup() * BM, z = gl_WorkGroupID.z, e, begin, have;
  if (HEADS == 1) {
    uint tokens = slots / used, per = (tokens + BN - 1u) / BN;
    e = z / per;
    begin = z % per * BN;
    have = min(BN, tokens - begin);
  } else {
    e = tiles.v[3u * z];
    begin = tiles.v[3u * z + 1u];
    have = tiles.v[3u * z + 2u];
  }
  if (first >= n || have == 0u) return; // the fold's tail, or a tile that the schedule did not need; the whole workgroup
  for (uint c = gl_LocalInvocationID.x; c < have; c += WG) slotOf[c] = HEADS == 1 ? (begin + c) * used + e : order.v[begin + c];
  barrier(); // the slots are known before their rows are staged
  Row mine = rowAt(w, e * n, rowBytes);
  uint tm = gl_LocalInvocationID.x % (BM / TM), tn = gl_LocalInvocationID.x / (BM / TM);

  float acc[TM * TN];
  [[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;
  for (uint k0 = 0; k0 < k; k0 += BK) {
    stageWeights(mine, n, first, k0, 0u);
    stageX(have, k0);
    barrier(); // the panels are staged before any invocation multiplies them
    for (uint j = 0; j < BK; j++) {
      float a[TM], b[TN];
      [[unroll]] for (uint i = 0; i < TM; i++) a[i] = sw[j * (BM + 1u) + tm + i * (BM / TM)];
      [[unroll]] for (uint i = 0; i < TN; i++) b[i] = sx[j * (BN + 1u) + tn + i * (BN / TN)];
      [[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = fma(a[i / TN], b[i % TN], acc[i]);
    }
    barrier(); // all products are taken before the next panels overwrite these
  }
  [[unroll]] for (uint i = 0; i < TM * TN; i++) {
    uint row = first + tm + i / TN * (BM / TM), c = tn + i % TN * (BN / TN);
    if (row >= n || c >= have) continue;
    o.v[slotOf[c] * n + row] = acc[i] + (BIAS == 1 ? bias.v[e * n + row] : 0.0);
  }
}
