// ssm_scan: the recurrence of a selective state-space model, for channel p of head h of group g, over n of the state.
//   d = softplus(dt[t,h] + dtBias[h])
//   s[p,n] = exp(d a[h,n]) s[p,n] + d b[t,g,n] x[t,h,p]      out[t,h,p] = sum_n c[t,g,n] s[p,n] + dSkip[h] x[t,h,p]
// s begins as state[stateIn], or as zero where the sequence begins, stays in registers, and goes to state[stateOut].
// Shapes    x, out [T, heads headDim], dt [T, heads], b, c [T, groups N], a [heads, aCols], dSkip, dtBias [heads],
//           state [.., heads headDim N] f32; out aliases nothing
// Params    addresses; heads, headDim, groups; aCols: N or 1; flags: 1 dSkip, 2 dtBias
// Spec      0 WG: 8 to 256   1 N: elements of a channel's state, 1 to 1024   2 WIDTH, 3 WINDOW, 4 BEHIND:
//           include/recurrence.glsl. With WIDTH x has b and c too, and WG divides headDim
// Grid      x: ceil(heads headDim / WG); y: sequences; one invocation per channel, which walks the sequence's tokens
// Shared    16 N bytes with WIDTH: two tokens' b and c
// Order     t, then n, ascending, f32
// Source    host/compute/ssm_scan.go; twin fallback/ssm_scan.go
#version 460
#include "include/recurrence.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint N = 16;
layout(constant_id = 2) const uint WIDTH = 0; // rows that a convolution of x sees, 0: there is none
layout(constant_id = 3) const uint WINDOW = 0;
layout(constant_id = 4) const uint BEHIND = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In dt;
  F32In dtBias;
  F32In a;
  F32In b;
  F32In c;
  F32In dSkip;
  F32State state;
  F32Out o;
  U32In step;
  Beside beside;
  uint heads;
  uint headDim;
  uint groups;
  uint aCols;
  uint flags;
};

shared vec2 bc[WIDTH > 0u ? 2u * N : 1u]; // of even and of odd tokens

void main() {
  uint channels = heads * headDim, i = gl_WorkGroupID.x * WG + gl_LocalInvocationID.x;
  if (i >= channels || gl_WorkGroupID.y >= step.v[STEP_SEQS]) return; // with WIDTH whole workgroups: none is missed at a barrier
  Seq q = stepSeq(step, gl_WorkGroupID.y);
  uint h = i / headDim, from = h * groups / heads * N;
  float s[N];
  bool fresh = stepPos(step, q.first) == 0u;
  for (uint n = 0; n < N; n++) s[n] = fresh ? 0.0 : state.v[(q.stateIn * channels + i) * N + n];
  float skip = (flags & 1u) != 0u ? dSkip.v[h] : 0.0, bias = (flags & 2u) != 0u ? dtBias.v[h] : 0.0;
  for (uint t = q.first; t < q.first + q.count; t++) {
    float v, sum = 0.0;
    uint at = (t & 1u) * N;
    if (WIDTH > 0u) {
      v = convolved(x, beside, q, fresh, t, beside.fromX + i, WIDTH, WINDOW);
      for (uint n = gl_LocalInvocationID.x; n < N; n += WG) {
        bc[at + n] = vec2(convolved(x, beside, q, fresh, t, beside.fromB + from + n, WIDTH, WINDOW),
                          convolved(x, beside, q, fresh, t, beside.fromC + from + n, WIDTH, WINDOW));
      }
      barrier(); // b and c are there; who is still at the token before reads the other half
    } else {
      v = x.v[t * channels + i];
    }
    float d = softplus(dt.v[t * heads + h] + bias), dv = d * v;
    float fade = exp(d * a.v[h * aCols]);
    for (uint n = 0; n < N; n++) {
      if (aCols > 1u) fade = exp(d * a.v[h * aCols + n]);
      vec2 w = WIDTH > 0u ? bc[at + n] : vec2(b.v[t * groups * N + from + n], c.v[t * groups * N + from + n]);
      s[n] = fma(fade, s[n], dv * w.x);
      sum = fma(w.y, s[n], sum);
    }
    float y = fma(skip, v, sum);
    if ((BEHIND & BEHIND_GATE) != 0u) y *= silu(F32In(beside.gate).v[t * channels + i]);
    o.v[t * channels + i] = y;
  }
  if (WIDTH > 0u) {
    keepWindow(x, beside, q, fresh, beside.fromX + i, WIDTH);
    if (gl_WorkGroupID.x * WG == from / N * (heads / groups) * headDim) { // the first workgroup of a group
      for (uint n = gl_LocalInvocationID.x; n < N; n += WG) {
        keepWindow(x, beside, q, fresh, beside.fromB + from + n, WIDTH);
        keepWindow(x, beside, q, fresh, beside.fromC + from + n, WIDTH);
      }
    }
  }
  for (uint n = 0; n < N; n++) state.v[(q.stateOut * channels + i) * N + n] = s[n];
}
