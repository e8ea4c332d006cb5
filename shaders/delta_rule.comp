// delta_rule: linear attention by the gated delta rule, for column j of head h, over n of its keys; kh is the head of its keys.
//   g = exp(a[h] softplus(dt[t,h] + dtBias[h]))   b = 1 / (1 + exp(-beta[t,h]))
//   rk = 1/sqrt(sum k^2 + eps)   rq = 1/sqrt(sum q^2 + eps) / sqrt(N)   u = b (v[j] - g rk sum_n k[n] s[n])
//   s[n] = g s[n] + k[n] rk u   out[t,h,j] = rq sum_n q[n] s[n]
// s begins as state[stateIn], or as zero where the sequence begins, stays in registers, and goes to state[stateOut].
// Shapes    x [T, queries keyHeads N | keys keyHeads N | values heads V], out [T, heads V], beta, dt [T, heads],
//           dtBias, a [heads], state [.., heads N V] f32; out aliases nothing
// Params    addresses; heads, keyHeads, V; chunks: workgroups of a head; tiled: 1 kh = h mod keyHeads, 0 kh =
//           h keyHeads / heads; eps; beta and dt of head h lie per to a group of stride columns, from fromBeta and fromDT on
// Spec      0 WG: 8 to 1024   1 N: elements of a key, 1 to 256   2 WIDTH, 3 WINDOW, 4 BEHIND: include/recurrence.glsl
//           5 PARTS: invocations of a column, a divisor of N and WG; each has n = PARTS e + part in registers
// Grid      x: heads chunks; y: sequences; a workgroup has WG / PARTS columns and walks the sequence's tokens
// Shared    16 N bytes with WIDTH or PARTS: queries and keys of two tokens; 4 WG for a norm; 20 WG with PARTS: their sums
// Order     t, then n of a part, ascending, then parts ascending, f32
// Source    host/compute/delta_rule.go; twin fallback/delta_rule.go
#version 460
#include "include/recurrence.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint N = 128;
layout(constant_id = 2) const uint WIDTH = 0; // rows that a convolution of x sees, 0: there is none
layout(constant_id = 3) const uint WINDOW = 0;
layout(constant_id = 4) const uint BEHIND = 0;
layout(constant_id = 5) const uint PARTS = 1;

layout(push_constant) uniform Params {
  F32In x;
  F32In beta;
  F32In dt;
  F32In dtBias;
  F32In a;
  F32State state;
  F32Out o;
  U32In step;
  Beside beside;
  uint heads;
  uint keyHeads;
  uint V;
  uint chunks;
  uint tiled;
  float eps;
  uint per;
  uint stride;
  uint fromBeta;
  uint fromDT;
};

const uint COLUMNS = WG / PARTS, EACH = N / PARTS;

const bool STAGED = WIDTH > 0u || PARTS > 1u; // else everyone reads all of a query and a key, which lie side by side in memory
shared vec2 qk[STAGED ? 2u * N : 1u]; // of even and of odd tokens: query and key
shared vec3 answers[PARTS > 1u ? WG : 1u];
shared float sums[PARTS > 1u ? WG : 1u];
shared float terms[(BEHIND & BEHIND_NORM) != 0u ? WG : 1u];

// totalOf adds v over the workgroup.
float totalOf(float v) {
  uint lane = gl_LocalInvocationID.x;
  barrier(); // the total before this one has been read by everyone
  terms[lane] = v;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) terms[lane] += terms[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  return terms[0];
}

// input is column c of row t of what the recurrence reads.
float inputAt(Seq q, bool fresh, uint t, uint c, uint cols) {
  return WIDTH > 0u ? convolved(x, beside, q, fresh, t, c, WIDTH, WINDOW) : x.v[t * cols + c];
}

// queryKey is element n of a token's query and key, which lie at element at of qk, or of x and keys behind it.
vec2 queryKey(uint at, uint keys, uint n) { return STAGED ? qk[at + n] : vec2(x.v[at + n], x.v[at + keys + n]); }

void main() {
  uint lane = gl_LocalInvocationID.x, column = lane % COLUMNS, part = PARTS > 1u ? lane / COLUMNS : 0u;
  uint h = gl_WorkGroupID.x / chunks, j = gl_WorkGroupID.x % chunks * COLUMNS + column;
  if (h >= heads || gl_WorkGroupID.y >= step.v[STEP_SEQS]) return; // whole workgroups: none is missed at a barrier
  Seq q = stepSeq(step, gl_WorkGroupID.y);
  uint from = (tiled != 0u ? h % keyHeads : h / (heads / keyHeads)) * N, keys = keyHeads * N, cols = 2u * keys + heads * V;
  uint values = 2u * keys + h * V;
  bool mine = j < V, fresh = stepPos(step, q.first) == 0u;
  float s[EACH];
  [[unroll]] for (uint e = 0; e < EACH; e++)
    s[e] = fresh || !mine ? 0.0 : state.v[((q.stateIn * heads + h) * N + PARTS * e + part) * V + j];
  float rate = a.v[h], bias = dtBias.v[h], scale = inversesqrt(float(N));
  for (uint t = q.first; t < q.first + q.count; t++) {
    uint at = STAGED ? (t & 1u) * N : t * cols + from;
    for (uint n = lane; STAGED && n < N; n += WG) {
      qk[at + n] = vec2(inputAt(q, fresh, t, from + n, cols), inputAt(q, fresh, t, keys + from + n, cols));
    }
    if (STAGED) barrier(); // queries and keys are there; who is still at the token before reads the other half
    uint gates = (t * (heads / per) + h / per) * stride + h % per;
    float g = exp(rate * softplus(dt.v[gates + fromDT] + bias)), b = 1.0 / (1.0 + exp(-beta.v[gates + fromBeta]));
    float v = mine ? inputAt(q, fresh, t, values + j, cols) : 0.0;
    vec3 answer = vec3(0.0); // the squares of query and key, and what the state answers to the key
    [[unroll]] for (uint e = 0; e < EACH; e++) {
      vec2 w = queryKey(at, keys, PARTS * e + part);
      answer = fma(vec3(w, w.y), vec3(w, s[e]), answer);
    }
    if (PARTS > 1u) {
      answers[lane] = answer;
      barrier(); // the parts' answers are there; who reads the last ones has not passed the barrier of the sums
      answer = vec3(0.0);
      [[unroll]] for (uint p = 0; p < PARTS; p++) answer += answers[p * COLUMNS + column];
    }
    vec2 by = inversesqrt(answer.xy + eps);
    float u = b * (v - g * (by.y * answer.z)), learned = by.y * u, sum = 0.0;
    [[unroll]] for (uint e = 0; e < EACH; e++) {
      vec2 w = queryKey(at, keys, PARTS * e + part);
      s[e] = fma(w.y, learned, g * s[e]);
      sum = fma(w.x, s[e], sum);
    }
    if (PARTS > 1u) {
      sums[lane] = sum;
      barrier(); // the parts' sums are there; who reads the last ones has not passed the barrier of the answers
      sum = 0.0;
      [[unroll]] for (uint p = 0; p < PARTS; p++) sum += sums[p * COLUMNS + column];
    }
    float y = by.x * scale * sum;
    if ((BEHIND & BEHIND_NORM) != 0u) {
      y *= 1.0 / sqrt(totalOf(mine && part == 0u ? y * y : 0.0) / float(V) + beside.eps);
      if (mine) y *= F32In(beside.norm).v[j];
    }
    uint to = (t * heads + h) * V + j;
    if (mine && part == 0u) o.v[to] = (BEHIND & BEHIND_GATE) != 0u ? y * silu(F32In(beside.gate).v[to]) : y;
  }
  uint firstOfKeys = tiled != 0u ? h % keyHeads : from / N * (heads / keyHeads);
  if (WIDTH > 0u && h == firstOfKeys && gl_WorkGroupID.x % chunks == 0u) {
    for (uint n = lane; n < N; n += WG) {
      keepWindow(x, beside, q, fresh, from + n, WIDTH);
      keepWindow(x, beside, q, fresh, keys + from + n, WIDTH);
    }
  }
  if (!mine) return;
  if (WIDTH > 0u && part == 0u) keepWindow(x, beside, q, fresh, values + j, WIDTH);
  [[unroll]] for (uint e = 0; e < EACH; e++) state.v[((q.stateOut * heads + h) * N + PARTS * e + part) * V + j] = s[e];
}
