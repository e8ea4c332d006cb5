// altup: mix streams that lie side by side, by numbers that the first of them chooses.
//   m[k] = tanh(sum_c router[k,c] s[0,c] / sqrt(mean_c(s[0,c]^2) + eps))      w[n,j] = bias[n,j] + sum_k coefs[n,j,k] m[k]
//   out[t,n,c] = sum_j w[n,j] s[j,c]      first[t,c] = out[t,0,c]      scaled[t,c] = out[t,0,c] scale[c]
// Shapes    s[j] of token t: those of x [rows, OWN cols], then of y [rows, (USED - OWN) cols]; router [ROUTED, cols]; coefs
//           [SUMS USED, ROUTED]; bias [SUMS USED]; scale [cols]; out [rows, SUMS cols]; first, scaled [rows, cols] f32; no
//           result aliases anything
// Params    addresses; rows; cols; parts: workgroups of a token, each of which makes all weights and some columns; eps
// Spec      0 WG: power of two, 8 to 256   1 ROUTED   2 USED   3 SUMS   4 OWN   5 FIRST, 6 SCALED: 1 when it is wanted
// Grid      rows parts, folded into y
// Shared    4 WG (ROUTED + 1) + 4 SUMS USED bytes; f32 tree reductions, order fixed by WG
// Source    host/compute/altup.go; twin fallback/altup.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"
#include "include/tanh.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint ROUTED = 4;
layout(constant_id = 2) const uint USED = 5;
layout(constant_id = 3) const uint SUMS = 4;
layout(constant_id = 4) const uint OWN = 4;
layout(constant_id = 5) const uint FIRST = 0;
layout(constant_id = 6) const uint SCALED = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In y;
  F32In router;
  F32In coefs;
  F32In bias;
  F32In scale;
  F32Out o;
  F32Out first;
  F32Out scaled;
  uint rows;
  uint cols;
  uint parts;
  float eps;
};

shared float terms[(ROUTED + 1u) * WG]; // of the router's numbers, and of the squares
shared float weights[SUMS * USED];

// chooseWeights: those of the token whose first stream begins at element at of x.
void chooseWeights(uint at) {
  uint lane = gl_LocalInvocationID.x;
  float s[ROUTED + 1u];
  [[unroll]] for (uint k = 0; k <= ROUTED; k++) s[k] = 0.0;
  for (uint c = lane; c < cols; c += WG) {
    float v = x.v[at + c];
    [[unroll]] for (uint k = 0; k < ROUTED; k++) s[k] = fma(router.v[k * cols + c], v, s[k]);
    s[ROUTED] = fma(v, v, s[ROUTED]);
  }
  [[unroll]] for (uint k = 0; k <= ROUTED; k++) terms[k * WG + lane] = s[k];
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) {
      for (uint k = 0; k <= ROUTED; k++) terms[k * WG + lane] += terms[k * WG + lane + n];
    }
  }
  barrier(); // the totals are written before everyone reads them
  float norm = 1.0 / sqrt(terms[ROUTED * WG] / float(cols) + eps);
  for (uint i = lane; i < SUMS * USED; i += WG) {
    float w = bias.v[i];
    for (uint k = 0; k < ROUTED; k++) w = fma(coefs.v[i * ROUTED + k], tanhExact(terms[k * WG] * norm), w);
    weights[i] = w;
  }
  barrier(); // all weights are there before anyone mixes
}

void main() {
  uint g = foldedWorkgroup(), t = g / parts;
  if (t >= rows) return; // the fold's tail; the whole workgroup
  chooseWeights(t * OWN * cols);
  for (uint c = g % parts * WG + gl_LocalInvocationID.x; c < cols; c += parts * WG) {
    float s[USED];
    [[unroll]] for (uint j = 0; j < OWN; j++) s[j] = x.v[(t * OWN + j) * cols + c];
    [[unroll]] for (uint j = OWN; j < USED; j++) s[j] = y.v[(t * (USED - OWN) + j - OWN) * cols + c];
    for (uint n = 0; n < SUMS; n++) {
      float v = 0.0;
      [[unroll]] for (uint j = 0; j < USED; j++) v = fma(weights[n * USED + j], s[j], v);
      o.v[(t * SUMS + n) * cols + c] = v;
      if (FIRST == 1 && n == 0u) first.v[t * cols + c] = v;
      if (SCALED == 1 && n == 0u) scaled.v[t * cols + c] = v * scale.v[c];
    }
  }
}
