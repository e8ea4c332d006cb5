// ssm_scan: the recurrence of a selective state-space model, for channel p of head h of group g, over n of the state.
//   d = softplus(dt[t,h] + dtBias[h])
//   s[p,n] = exp(d a[h,n]) s[p,n] + d b[t,g,n] x[t,h,p]      out[t,h,p] = sum_n c[t,g,n] s[p,n] + dSkip[h] x[t,h,p]
// s begins as state[stateIn], or as zero where the sequence begins, stays in registers, and goes to state[stateOut].
//   RANK:   dt[t,h] = sum_r dtW[h,r] low[t,r], low being in the place of dt
//   NORMED: bits 0, 1 and 2: low, b and c are normalised, v g / sqrt(mean of v^2 + eps)
// Shapes    x, out [T, heads headDim], dt [T, heads], low [T, RANK], b, c [T, groups N], a [heads, RATES],
//           dSkip, dtBias [heads], state [.., heads headDim N] f32; out aliases nothing
// Params    addresses; heads, headDim, groups
// Spec      0 WG: 8 to 1024   1 N: elements of a channel's state, 1 to 1024   2 WIDTH, 3 WINDOW, 4 BEHIND:
//           include/recurrence.glsl. With WIDTH x has b and c too, and the channels of a workgroup are of one head
//           5 RANK: elements of low, 0: dt is there   6 NORMED. With either there is one group and no WIDTH, and whole
//           workgroups of channels
//           7 PARTS: invocations of a channel, a divisor of N and WG; each has n = PARTS e + part in registers
//           8 RATES: columns of a, 1 or N   9 ALIKE: the channels of a workgroup are of one head: 2, of one group: 1, of any: 0
//           10 VECTORS: bits 0 and 1: dSkip and dtBias are there. No condition of a run: some drivers read what is alike for
//           all invocations where none of them wants it, at an address that is not there
// Grid      x: ceil(heads headDim PARTS / WG); y: sequences; a workgroup has WG / PARTS channels and walks the sequence's tokens
// Shared    16 N bytes with WIDTH, RANK or NORMED: two tokens' b and c; 8 RANK bytes: their low; 4 WG with NORMED; 8 WG with
//           PARTS: two tokens' sums of parts
// Order     t, then n of a part, ascending, then parts ascending, f32; r ascending; squares by invocation, then in pairs
// Source    host/compute/ssm_scan.go; twin fallback/ssm_scan.go
#version 460
#include "include/recurrence.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint N = 16;
layout(constant_id = 2) const uint WIDTH = 0; // rows that a convolution of x sees, 0: there is none
layout(constant_id = 3) const uint WINDOW = 0;
layout(constant_id = 4) const uint BEHIND = 0;
layout(constant_id = 5) const uint RANK = 0;
layout(constant_id = 6) const uint NORMED = 0;
layout(constant_id = 7) const uint PARTS = 1;
layout(constant_id = 8) const uint RATES = 1;
layout(constant_id = 9) const uint ALIKE = 0;
layout(constant_id = 10) const uint VECTORS = 0;

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
};

const uint CHANNELS = WG / PARTS, EACH = N / PARTS;
const bool BESIDE = WIDTH > 0u || RANK > 0u || NORMED != 0u; // invocations bring inputs for each other
shared vec2 bc[BESIDE ? 2u * N : 1u]; // of even and of odd tokens
shared float low[RANK > 0u ? 2u * RANK : 1u];
shared float terms[NORMED != 0u ? WG : 1u];
shared float sums[PARTS > 1u ? 2u * WG : 1u];

// scaleOf is what a row of n elements from at on is multiplied by where bit says that it is normalised.
float scaleOf(uint bit, F32In v, uint at, uint n) {
  if ((NORMED & bit) == 0u) return 1.0;
  uint lane = gl_LocalInvocationID.x;
  float s = 0.0;
  for (uint e = lane; e < n; e += WG) s = fma(v.v[at + e], v.v[at + e], s);
  barrier(); // the sum before has been read by everyone
  terms[lane] = s;
  for (uint i = WG / 2u; i > 0u; i /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < i) terms[lane] += terms[lane + i];
  }
  barrier(); // the sum is written before everyone reads it
  return 1.0 / sqrt(terms[0] / float(n) + beside.eps);
}

// weightAt is the weight of a normalised element.
float weightAt(uint bit, uint64_t w, uint e) { return (NORMED & bit) != 0u ? F32In(w).v[e] : 1.0; }

// bring makes b, c and low of token t for the whole workgroup, from element at and lowAt on.
void bring(uint t, uint at, uint lowAt) {
  uint lane = gl_LocalInvocationID.x;
  float scaleB = scaleOf(2u, b, t * N, N), scaleC = scaleOf(4u, c, t * N, N), scale = scaleOf(1u, dt, t * RANK, RANK);
  for (uint n = lane; n < N; n += WG)
    bc[at + n] = vec2(b.v[t * N + n] * scaleB * weightAt(2u, beside.bNorm, n),
                      c.v[t * N + n] * scaleC * weightAt(4u, beside.cNorm, n));
  for (uint r = lane; r < RANK; r += WG) low[lowAt + r] = dt.v[t * RANK + r] * scale * weightAt(1u, beside.dtNorm, r);
}

// stepOf is the step of head h before its bias.
float stepOf(uint t, uint h, uint lowAt) {
  if (RANK == 0u) return dt.v[t * heads + h];
  float s = 0.0;
  for (uint r = 0; r < RANK; r++) s = fma(F32In(beside.dtW).v[h * RANK + r], low[lowAt + r], s);
  return s;
}

void main() {
  uint lane = gl_LocalInvocationID.x, part = lane % PARTS, channels = heads * headDim;
  uint first = gl_WorkGroupID.x * CHANNELS, i = min(first + lane / PARTS, channels - 1u); // behind the last: the last again
  if (gl_WorkGroupID.y >= step.v[STEP_SEQS]) return; // whole workgroups: none is missed at a barrier
  bool mine = first + lane / PARTS < channels;
  Seq q = stepSeq(step, gl_WorkGroupID.y);
  uint own = first / headDim, h = ALIKE == 2u ? own : i / headDim; // what the workgroup's channels share is found from its first
  uint from = (ALIKE > 0u ? own : h) * groups / heads * N;
  const uint EACH_RATE = RATES > 1u ? EACH : 1u;
  float s[EACH], rates[EACH_RATE];
  bool fresh = stepPos(step, q.first) == 0u;
  [[unroll]] for (uint e = 0; e < EACH; e++) s[e] = fresh ? 0.0 : state.v[(q.stateIn * channels + i) * N + PARTS * e + part];
  [[unroll]] for (uint e = 0; e < EACH_RATE; e++) rates[e] = a.v[h * RATES + (RATES > 1u ? PARTS * e + part : 0u)];
  float skip = (VECTORS & 1u) != 0u ? dSkip.v[h] : 0.0, bias = (VECTORS & 2u) != 0u ? dtBias.v[h] : 0.0;
  for (uint t = q.first; t < q.first + q.count; t++) {
    float v, sum = 0.0;
    uint at = (t & 1u) * N;
    if (WIDTH > 0u) {
      v = convolved(x, beside, q, fresh, t, beside.fromX + i, WIDTH, WINDOW);
      for (uint n = lane; n < N; n += WG) {
        bc[at + n] = vec2(convolved(x, beside, q, fresh, t, beside.fromB + from + n, WIDTH, WINDOW),
                          convolved(x, beside, q, fresh, t, beside.fromC + from + n, WIDTH, WINDOW));
      }
    } else {
      if (BESIDE) bring(t, at, (t & 1u) * RANK);
      v = x.v[t * channels + i];
    }
    if (BESIDE) barrier(); // b and c are there; who is still at the token before reads the other half
    float d = softplus(stepOf(t, h, (t & 1u) * RANK) + bias), dv = d * v;
    float fade = exp(d * rates[0]);
    [[unroll]] for (uint e = 0; e < EACH; e++) {
      uint n = PARTS * e + part;
      if (RATES > 1u) fade = exp(d * rates[e]);
      vec2 w = BESIDE ? bc[at + n] : vec2(b.v[t * groups * N + from + n], c.v[t * groups * N + from + n]);
      s[e] = fma(fade, s[e], dv * w.x);
      sum = fma(w.y, s[e], sum);
    }
    if (PARTS > 1u) {
      uint turn = (t & 1u) * WG;
      sums[turn + lane] = sum;
      barrier(); // the parts' sums are there; who is still at the token before reads the other half
      sum = 0.0;
      [[unroll]] for (uint p = 0; p < PARTS; p++) sum += sums[turn + lane - part + p];
    }
    float y = fma(skip, v, sum);
    if ((BEHIND & BEHIND_GATE) != 0u) y *= silu(F32In(beside.gate).v[t * channels + i]);
    if (mine && part == 0u) o.v[t * channels + i] = y;
  }
  if (WIDTH > 0u) {
    if (part == 0u) keepWindow(x, beside, q, fresh, beside.fromX + i, WIDTH);
    if (first == from / N * (heads / groups) * headDim) { // the first workgroup of a group
      for (uint n = lane; n < N; n += WG) {
        keepWindow(x, beside, q, fresh, beside.fromB + from + n, WIDTH);
        keepWindow(x, beside, q, fresh, beside.fromC + from + n, WIDTH);
      }
    }
  }
  if (!mine) return;
  [[unroll]] for (uint e = 0; e < EACH; e++) state.v[(q.stateOut * channels + i) * N + PARTS * e + part] = s[e];
}
