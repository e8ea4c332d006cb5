// matmul_join: add up what the workgroups of a multiplication have summed over pieces of K, and finish the results.
//   t[r,c] = sum_p part[p,r,c]
//   out[r,n] = t[r,n] + bias[n] + residual[r,n]      for one to three matrices, whose columns follow each other in t
//   PAIR:  out[r,n] = silu(t[r,n] + b0[n]) (t[r,n0+n] + b1[n])
// Shapes    part [PIECES, rows, width] f32, as include/split.glsl says; o [rows, n] and b [n] f32 for each matrix
// Params    addresses; rows; n0, n1, n2: columns of each result, 0 beyond the last
// Spec      0 WG   1 PIECES: at least 2   2 PAIR   3 BIAS: bit i: matrix i has one   4 RESIDUAL
// Grid      elements of all results, folded into y; one invocation each
// Order     pieces ascending, f32: the same whatever order they were made in
// Source    formula of host/compute/matmul.go, swiglu.go and add.go; twins fallback/matmul.go, swiglu.go, add.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"
#include "include/silu.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128;
layout(constant_id = 1) const uint PIECES = 2;
layout(constant_id = 2) const uint PAIR = 0;
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint RESIDUAL = 0;

layout(push_constant) uniform Params {
  F32In part;
  F32In b0, b1, b2;
  F32Out o0, o1, o2;
  F32In residual;
  uint rows;
  uint n0, n1, n2;
};

float sumAt(uint i, uint all) {
  float t = 0.0;
  [[unroll]] for (uint p = 0; p < PIECES; p++) t += part.v[p * all + i];
  return t;
}

void main() {
  uint i = foldedInvocation(WG), n = n0 + n1 + n2;
  if (i >= rows * n) return;
  uint r = i / n, c = i % n;
  if (PAIR == 1) {
    uint all = 2u * rows * n, at = 2u * r * n + c;
    float t = sumAt(at, all), up = sumAt(at + n, all);
    if ((BIAS & 1u) != 0u) t += b0.v[c];
    if ((BIAS & 2u) != 0u) up += b1.v[c];
    o0.v[i] = silu(t) * up;
    return;
  }
  float t = sumAt(i, rows * n);
  if (c < n0) {
    if ((BIAS & 1u) != 0u) t += b0.v[c];
    if (RESIDUAL == 1) t += residual.v[i];
    o0.v[r * n0 + c] = t;
  } else if (c < n0 + n1) {
    if ((BIAS & 2u) != 0u) t += b1.v[c - n0];
    o1.v[r * n1 + c - n0] = t;
  } else {
    if ((BIAS & 4u) != 0u) t += b2.v[c - n0 - n1];
    o2.v[r * n2 + c - n0 - n1] = t;
  }
}
