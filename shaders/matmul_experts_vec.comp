// matmul_experts_vec: multiply each row by the matrix of its expert; the weights of a row of the result are read once for it.
//   y[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n]
//   s = t used + j;  e = ids[s], or with HEADS j
//   out[s,n] = y[s,n]
//   PAIR:  out[s,n] = fn(y0[s,n]) y1[s,n], of two matrices an expert; clamped SiLU: fn(y0[s,n]) (clamp(y1[s,n], -7, 7) + 1)
//   MIX:   out[t,n] = factor (sum_j weights[t,j] y[t used + j, n] + open[t] beside[t,n]) + residual[t,n]
//   WEIGHED: with MIX, else weights there are 1; without MIX, the weight of a use multiplies what it reads, weights[s] x for x
// With MIX a workgroup goes through all experts of a token for its rows, so that nothing is scattered and no other kernel sums.
// Shapes    x [slots / used or slots, k] f32; w, w1 [experts n, k] in the format of the manifest's define; bias, b1
//           [experts, n], ids, weights [slots], open [slots / used], beside, residual [slots / used, n] f32; out [slots, n]
//           or with MIX [slots / used, n] f32; row-major; out aliases nothing
// Params    addresses, with HEADS in the place of ids the elements from one head of x, and of out, to the next; slots: uses
//           of experts; used: slots of a token; experts; n: weight rows of an expert; k; rowBytes; factor
// Spec      0 WG: power of two, 8 to 256   1 ROWS: weight rows of a workgroup, with LANE of an invocation, 1 to 8
//           2 BIAS: bit 0 bias, bit 1 b1   3 X_PER_SLOT   4 HEADS: 1 when expert j is slot j's of every token; ids is not read
//           5 X4: 1 when rows of x are 16-byte aligned   6 LANE: 1 when each invocation has weight rows of its own
//           7 PAIR   8 FN: number of the function of PAIR (include/activation.glsl)   9 MIX (needs X_PER_SLOT or used 1)
//           10 BESIDE: 1: beside is added, 2: open times beside   11 RESIDUAL   12 WEIGHED
// Grid      slots, or with MIX tokens, times ceil(n / ROWS), with LANE ceil(n / (WG ROWS)), folded into y
// Tails     weight rows past n repeat row n-1 and are not stored; elements past the last 16 of a row one by one
// Shared    4 ROWS (1 + PAIR) WG / 4 bytes: one f32 for each sum and subgroup of at least 4
// Order     as matmul_vec, with LANE as matmul_lane; with MIX an invocation's units go through the slots ascending
// Source    matmul_experts.go, matmul_heads.go, swiglu.go, activation.go, mix.go, scale.go, add.go of host/compute and fallback
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "include/activation.glsl"
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint X_PER_SLOT = 0;
layout(constant_id = 4) const uint HEADS = 0;
layout(constant_id = 5) const uint X4 = 0;
layout(constant_id = 6) const uint LANE = 0;
layout(constant_id = 7) const uint PAIR = 0;
layout(constant_id = 8) const uint FN = 0;
layout(constant_id = 9) const uint MIX = 0;
layout(constant_id = 10) const uint BESIDE = 0;
layout(constant_id = 11) const uint RESIDUAL = 0;
layout(constant_id = 12) const uint WEIGHED = 0;

layout(push_constant) uniform Params {
  F32In x;
  Row w;
  Row w1;
  F32In bias;
  F32In b1;
  F32In ids;
  F32In weights;
  F32In beside;
  F32In open;
  F32In residual;
  F32Out o;
#ifdef CODEBOOK
  U32In codebook;
#endif
  uint slots;
  uint used;
  uint experts;
  uint n;
  uint k;
  uint rowBytes;
  float factor;
};

#include "include/ahead.glsl"

const uint SETS = ROWS * (1 + PAIR); // rows of weights read at a time: with PAIR the gate's, then the up's
shared float partial[SETS * (WG / 4)];

// expertOf is the matrix of a slot, expertAt the byte at which its rows begin.
uint expertOf(uint slot) { return HEADS == 1 ? slot % used : uint(clamp(ids.v[slot], 0.0, float(experts - 1u))); }

// Elements from one row of x, and of out, to the next.
uint rowOfX() { return HEADS == 1 ? unpack32(uint64_t(ids)).x : k; }
uint rowOfOut() { return HEADS == 1 ? unpack32(uint64_t(ids)).y : n; }

uint64_t expertAt(uint slot) { return uint64_t(expertOf(slot) * n) * uint64_t(rowBytes); }

// eight are 8 activations.
void eight(uint at, out vec4 a, out vec4 b) {
  if (X4 == 1) {
    F32x4In x4 = F32x4In(uint64_t(x));
    a = x4.v[at >> 2];
    b = x4.v[(at >> 2) + 1u];
  } else {
    a = vec4(x.v[at], x.v[at + 1u], x.v[at + 2u], x.v[at + 3u]);
    b = vec4(x.v[at + 4u], x.v[at + 5u], x.v[at + 6u], x.v[at + 7u]);
  }
}

// weightOf is that of a slot.
float weightOf(uint slot) { return WEIGHED == 1 ? weights.v[slot] : 1.0; }

// finish stores the result of weight row i from its sums: row is a slot, or with MIX a token.
void finish(uint row, uint i, float t, float up) {
  if (MIX == 1) {
    if (BIAS != 0) {
      for (uint j = 0; j < used; j++) t = fma(weightOf(row * used + j), bias.v[expertOf(row * used + j) * n + i], t);
    }
    if (BESIDE == 1) t += beside.v[row * n + i];
    if (BESIDE == 2) t = fma(open.v[row], beside.v[row * n + i], t);
    t *= factor;
    if (RESIDUAL == 1) t += residual.v[row * n + i];
  } else {
    uint at = expertOf(row) * n + i;
    t *= weightOf(row);
    up *= weightOf(row);
    if ((BIAS & 1u) != 0u) t += bias.v[at];
    if (PAIR == 1) {
      if ((BIAS & 2u) != 0u) up += b1.v[at];
      t = gated(FN, t, up);
    }
  }
  o.v[row * rowOfOut() + i] = t;
}

void main() {
  beginFormat(k);
  const uint height = LANE == 1 ? ROWS * WG : ROWS;
  uint blocks = (n + height - 1u) / height, id = foldedWorkgroup(), row = id / blocks, first = id % blocks * height;
  uint slot = MIX == 1 ? row * used : row, count = MIX == 1 ? used : 1u; // the slots that are summed
  if (slot >= slots) return; // the fold's tail; the whole workgroup
  uint lane = gl_LocalInvocationID.x, units = k / 16u, begin = lane, stride = WG;
  if (LANE == 1) {
    begin = 0;
    stride = 1;
  }

  uint64_t expert = expertAt(slot), at[ROWS]; // bytes from the first row of an expert to those of this invocation
  float acc[SETS];
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint r = first + (LANE == 1 ? i * WG + lane : i);
    at[i] = uint64_t(min(r, n - 1u)) * uint64_t(rowBytes);
  }
  [[unroll]] for (uint i = 0; i < SETS; i++) acc[i] = 0.0;

  uint unitBytes = 16u * rowBytes / k;
  // Drivers of CPUs may go through a loop's body once more with its results left out, and still load what all invocations read
  // alike: slots stay within those there are.
  for (uint u = begin; u < count * units; u += stride) {
    uint j = MIX == 1 ? min(u / units, used - 1u) : 0u, s = slot + j, unit = u - j * units;
    uint base = (X_PER_SLOT == 1 ? s : s / used) * rowOfX();
    float weight = 1.0;
    if (MIX == 1) {
      expert = expertAt(s);
      weight = weightOf(s);
    }
    if (LANE == 1 && crosses(unit, unitBytes)) {
      [[unroll]] for (uint i = 0; i < SETS; i++)
        ask((i < ROWS ? uint64_t(w) : uint64_t(w1)) + expert + at[i % ROWS], unit * unitBytes);
    }
    uvec2 seg = segments(unit);
    vec4 a, b, c, d;
    eight(base + 8u * seg.x, a, b);
    eight(base + 8u * seg.y, c, d);
    [[unroll]] for (uint i = 0; i < SETS; i++) {
      vec4 v[4];
      decode16(Row((i < ROWS ? uint64_t(w) : uint64_t(w1)) + expert + at[i % ROWS]), unit, v);
      vec4 t = v[0] * a + v[1] * b + v[2] * c + v[3] * d;
      acc[i] = fma(weight, (t.x + t.y) + (t.z + t.w), acc[i]);
    }
  }
#if BLOCK_LEN == 1
  for (uint j = 0; j < count; j++) {
    uint s = slot + min(j, count - 1u);
    float weight = 1.0;
    if (MIX == 1) {
      expert = expertAt(s);
      weight = weightOf(s);
    }
    for (uint e = 16u * units + begin; e < k; e += stride) {
      float v = weight * x.v[(X_PER_SLOT == 1 ? s : s / used) * rowOfX() + e];
      [[unroll]] for (uint i = 0; i < SETS; i++)
        acc[i] = fma(decode1(Row((i < ROWS ? uint64_t(w) : uint64_t(w1)) + expert + at[i % ROWS]), e), v, acc[i]);
    }
  }
#endif
  if (LANE == 0) {
    [[unroll]] for (uint i = 0; i < SETS; i++) {
      float t = subgroupAdd(acc[i]);
      if (subgroupElect()) partial[gl_SubgroupID * SETS + i] = t;
    }
    barrier(); // the subgroups' sums are written before any invocation adds them up
  }
  for (uint i = begin; i < ROWS; i += stride) {
    float t = 0.0, up = 0.0;
    uint r = first + i;
    if (LANE == 1) {
      t = acc[i];
      up = acc[PAIR * ROWS + i];
      r = first + i * WG + lane;
    } else {
      for (uint s = 0; s < gl_NumSubgroups; s++) {
        t += partial[s * SETS + i];
        if (PAIR == 1) up += partial[s * SETS + ROWS + i];
      }
    }
    if (r < n) finish(row, r, t, up);
  }
  if (LANE == 1 && wanted()) o.v[0] = 0.0;
}
