// matmul_experts_vec: multiply each row by the matrix of its expert; the weights of a row of the result are read once for it.
//   out[s,n] = sum_k x[X_PER_SLOT ? s : s / used, k] w[e experts-rows + n, k] + bias[e,n]
//   s = t used + j;  e = ids[s], or with HEADS j
// Shapes    x [slots / used or slots, k] f32; w [experts n, k] in the format of the manifest's define; bias [experts, n],
//           ids [slots], out [slots, n] f32; row-major; out aliases nothing
// Params    addresses; slots: rows of out; used: slots of a token; experts; n: weight rows of an expert; k; rowBytes
// Spec      0 WG: power of two, 8 to 256   1 ROWS: weight rows of a workgroup, 1 to 8   2 BIAS   3 X_PER_SLOT
//           4 HEADS: 1 when expert j is slot j's of every token, and ids is not read
// Grid      slots ceil(n / ROWS), folded into y; one workgroup per ROWS weight rows of one slot
// Tails     weight rows past n repeat row n-1 and are not stored; elements past the last 16 of a row one by one
// Shared    4 ROWS WG / 4 bytes: one f32 for each result and subgroup of at least 4
// Order     as matmul_vec
// Source    host/compute/matmul_experts.go, matmul_heads.go; twins fallback/matmul_experts.go, matmul_heads.go
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "include/format.glsl"
#include "include/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint BIAS = 0;
layout(constant_id = 3) const uint X_PER_SLOT = 0;
layout(constant_id = 4) const uint HEADS = 0;

layout(push_constant) uniform Params {
  F32In x;
  Row w;
  F32In bias;
  F32In ids;
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
};

shared float partial[ROWS * (WG / 4)];

vec4 four(uint at) { return vec4(x.v[at], x.v[at + 1u], x.v[at + 2u], x.v[at + 3u]); }

void main() {
  beginFormat(k);
  uint blocks = (n + ROWS - 1u) / ROWS, id = foldedWorkgroup(), slot = id / blocks, first = id % blocks * ROWS;
  if (slot >= slots) return; // the fold's tail; the whole workgroup
  uint lane = gl_LocalInvocationID.x, units = k / 16u;
  uint e = slot % used;
  if (HEADS == 0) e = uint(clamp(ids.v[slot], 0.0, float(experts - 1u)));
  uint row = X_PER_SLOT == 1 ? slot : slot / used, base = row * k;

  Row rows[ROWS];
  float acc[ROWS];
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    rows[i] = rowAt(w, e * n + min(first + i, n - 1u), rowBytes);
    acc[i] = 0.0;
  }
  for (uint unit = lane; unit < units; unit += WG) {
    uvec2 seg = segments(unit);
    vec4 a = four(base + 8u * seg.x), b = four(base + 8u * seg.x + 4u);
    vec4 c = four(base + 8u * seg.y), d = four(base + 8u * seg.y + 4u);
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
      vec4 v[4];
      decode16(rows[i], unit, v);
      vec4 s = v[0] * a + v[1] * b + v[2] * c + v[3] * d;
      acc[i] += (s.x + s.y) + (s.z + s.w);
    }
  }
#if BLOCK_LEN == 1
  for (uint j = 16u * units + lane; j < k; j += WG) {
    [[unroll]] for (uint i = 0; i < ROWS; i++) acc[i] += decode1(rows[i], j) * x.v[base + j];
  }
#endif
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    float t = subgroupAdd(acc[i]);
    if (subgroupElect()) partial[gl_SubgroupID * ROWS + i] = t;
  }
  barrier(); // the subgroups' sums are written before any invocation adds them up
  for (uint i = lane; i < ROWS; i += WG) {
    if (first + i >= n) continue;
    float t = 0.0;
    for (uint s = 0; s < gl_NumSubgroups; s++) t += partial[s * ROWS + i];
    if (BIAS == 1) t += bias.v[e * n + first + i];
    o.v[slot * n + first + i] = t;
  }
}
