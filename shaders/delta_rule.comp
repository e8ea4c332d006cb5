// delta_rule: linear attention by the gated delta rule, for column j of head h, over n of its keys; kh is the head of its keys.
//   g = exp(a[h] softplus(dt[t,h] + dtBias[h]))   b = 1 / (1 + exp(-beta[t,h]))
//   rk = 1/sqrt(sum k^2 + eps)   rq = 1/sqrt(sum q^2 + eps) / sqrt(N)   u = b (v[j] - g rk sum_n k[n] s[n])
//   s[n] = g s[n] + k[n] rk u   out[t,h,j] = rq sum_n q[n] s[n]
// s begins as state[stateIn], or as zero where the sequence begins, stays in registers, and goes to state[stateOut].
// Shapes    x [T, queries keyHeads N | keys keyHeads N | values heads V], out [T, heads V], beta, dt [T, heads],
//           dtBias, a [heads], state [.., heads N V] f32; out aliases nothing
// Params    addresses; heads, keyHeads, V; chunks: workgroups of a head; tiled: 1 kh = h mod keyHeads, 0 kh =
//           h keyHeads / heads; eps
// Spec      0 WG: 8 to 256   1 N: elements of a key, 1 to 256
// Grid      x: heads chunks; y: sequences; one invocation per column, which walks the sequence's tokens
// Shared    16 N bytes: two tokens' queries and keys
// Order     t, then n, ascending, f32
// Source    host/compute/delta_rule.go; twin fallback/delta_rule.go
#version 460
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint N = 128;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32State { float v[]; };

layout(push_constant) uniform Params {
  F32In x;
  F32In beta;
  F32In dt;
  F32In dtBias;
  F32In a;
  F32State state; // read and written, in different rows
  F32Out o;
  U32In step;
  uint heads;
  uint keyHeads;
  uint V;
  uint chunks;
  uint tiled;
  float eps;
};

shared vec2 qk[2u * N]; // of even and of odd tokens: query and key

// softplus is ln(1 + exp(y)); below -15 the logarithm's argument would round to 1.
float softplus(float y) {
  float e = exp(-abs(y));
  return max(y, 0.0) + (e < 3.0e-4 ? e * (1.0 - 0.5 * e) : log(1.0 + e));
}

void main() {
  uint h = gl_WorkGroupID.x / chunks, j = gl_WorkGroupID.x % chunks * WG + gl_LocalInvocationID.x;
  if (h >= heads || gl_WorkGroupID.y >= step.v[STEP_SEQS]) return; // whole workgroups: none is missed at a barrier
  Seq q = stepSeq(step, gl_WorkGroupID.y);
  uint from = (tiled != 0u ? h % keyHeads : h / (heads / keyHeads)) * N, keys = keyHeads * N, cols = 2u * keys + heads * V;
  bool mine = j < V, fresh = stepPos(step, q.first) == 0u;
  float s[N];
  for (uint n = 0; n < N; n++) s[n] = fresh || !mine ? 0.0 : state.v[((q.stateIn * heads + h) * N + n) * V + j];
  float rate = a.v[h], bias = dtBias.v[h], scale = inversesqrt(float(N));
  for (uint t = q.first; t < q.first + q.count; t++) {
    uint row = t * cols, at = (t & 1u) * N;
    for (uint n = gl_LocalInvocationID.x; n < N; n += WG) qk[at + n] = vec2(x.v[row + from + n], x.v[row + keys + from + n]);
    barrier(); // queries and keys are there; who is still at the token before reads the other half
    float g = exp(rate * softplus(dt.v[t * heads + h] + bias)), b = 1.0 / (1.0 + exp(-beta.v[t * heads + h]));
    float v = mine ? x.v[row + 2u * keys + h * V + j] : 0.0, answer = 0.0;
    vec2 squares = vec2(0.0);
    for (uint n = 0; n < N; n++) {
      vec2 w = qk[at + n];
      squares = fma(w, w, squares);
      answer = fma(w.y, s[n], answer);
    }
    vec2 by = inversesqrt(squares + eps);
    float u = b * (v - g * (by.y * answer)), learned = by.y * u, sum = 0.0;
    for (uint n = 0; n < N; n++) {
      vec2 w = qk[at + n];
      s[n] = fma(w.y, learned, g * s[n]);
      sum = fma(w.x, s[n], sum);
    }
    if (mine) o.v[(t * heads + h) * V + j] = by.x * scale * sum;
  }
  if (!mine) return;
  for (uint n = 0; n < N; n++) state.v[((q.stateOut * heads + h) * N + n) * V + j] = s[n];
}
