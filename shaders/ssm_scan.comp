// ssm_scan: the recurrence of a selective state-space model, for channel p of head h of group g, over n of the state.
//   d = softplus(dt[t,h] + dtBias[h])
//   s[p,n] = exp(d a[h,n]) s[p,n] + d b[t,g,n] x[t,h,p]      out[t,h,p] = sum_n c[t,g,n] s[p,n] + dSkip[h] x[t,h,p]
// s begins as state[stateIn], or as zero where the sequence begins, stays in registers, and goes to state[stateOut].
// Shapes    x, out [T, heads headDim], dt [T, heads], b, c [T, groups N], a [heads, aCols], dSkip, dtBias [heads],
//           state [.., heads headDim N] f32; out aliases nothing
// Params    addresses; heads, headDim, groups; aCols: N or 1; flags: 1 dSkip, 2 dtBias
// Spec      0 WG: 8 to 256   1 N: elements of a channel's state, 1 to 1024
// Grid      x: ceil(heads headDim / WG); y: sequences; one invocation per channel, which walks the sequence's tokens
// Order     t, then n, ascending, f32
// Source    host/compute/ssm_scan.go; twin fallback/ssm_scan.go
#version 460
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint N = 16;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32State { float v[]; };

layout(push_constant) uniform Params {
  F32In x;
  F32In dt;
  F32In dtBias;
  F32In a;
  F32In b;
  F32In c;
  F32In dSkip;
  F32State state; // read and written, in different rows
  F32Out o;
  U32In step;
  uint heads;
  uint headDim;
  uint groups;
  uint aCols;
  uint flags;
};

// softplus is ln(1 + exp(y)); below -15 the logarithm's argument would round to 1.
float softplus(float y) {
  float e = exp(-abs(y));
  return max(y, 0.0) + (e < 3.0e-4 ? e * (1.0 - 0.5 * e) : log(1.0 + e));
}

void main() {
  uint channels = heads * headDim, i = gl_WorkGroupID.x * WG + gl_LocalInvocationID.x;
  if (i >= channels || gl_WorkGroupID.y >= step.v[STEP_SEQS]) return;
  Seq q = stepSeq(step, gl_WorkGroupID.y);
  uint h = i / headDim, from = h * groups / heads * N;
  float s[N];
  bool fresh = stepPos(step, q.first) == 0u;
  for (uint n = 0; n < N; n++) s[n] = fresh ? 0.0 : state.v[(q.stateIn * channels + i) * N + n];
  float skip = (flags & 1u) != 0u ? dSkip.v[h] : 0.0, bias = (flags & 2u) != 0u ? dtBias.v[h] : 0.0;
  for (uint t = q.first; t < q.first + q.count; t++) {
    float d = softplus(dt.v[t * heads + h] + bias), v = x.v[t * channels + i], dv = d * v, sum = 0.0;
    float fade = exp(d * a.v[h * aCols]);
    for (uint n = 0; n < N; n++) {
      if (aCols > 1u) fade = exp(d * a.v[h * aCols + n]);
      s[n] = fma(fade, s[n], dv * b.v[t * groups * N + from + n]);
      sum = fma(c.v[t * groups * N + from + n], s[n], sum);
    }
    o.v[t * channels + i] = fma(skip, v, sum);
  }
  for (uint n = 0; n < N; n++) state.v[(q.stateOut * channels + i) * N + n] = s[n];
}
