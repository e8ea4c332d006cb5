// attention_decode: attention of up to 16 query rows of each sequence, the context split over workgroups.
//   formula, masks and the paging of keys: host/compute/attention.go; algorithm: include/attention.glsl
// How many pieces a sequence has follows from the keys that it sees (include/pieces.glsl), at most splits. One piece is the
// whole: it writes the result. More write partial results: for row t, head h and piece s, DV unnormalised values, then m and
// l, at word ((t heads + h) splits + s) (DV + 2). With JOINED the workgroup that brings the last of them for its pairs
// (include/last.glsl) joins them, one after the other in ascending order:
//   m' = max(m, m[s])    l' = exp(m - m') l + exp(m[s] - m') l[s]    o' = exp(m - m') o + exp(m[s] - m') o[s]
// Else attention_combine does.
// With GATED the result is multiplied by the sigmoid of gate.
// Shapes    q [T, heads D] f32; gate, out [T, heads DV] f32; partial [T, heads, splits, DV + 2] f32; k, v as attention_prefill
// Params    include/attention.glsl
// Spec      include/attention.glsl
// counts [sequences, kvHeads, blocks] u32, 0 before and after
// Grid      indirect where splits > 1: x: pieces of the longest context * blocks of pairs; y: KV heads; z: sequences;
//           blocks = ceil((T - sequences + 1) group / BR)
// Shared    include/attention.glsl
// Source    Dao et al., Flash-Decoding, 2023; twin fallback/attention.go
#version 460
#include "include/attention.glsl"
#include "include/activation.glsl"
#include "include/last.glsl"

// store leaves the result of a head of a row at number at: o over the sum l of weights of scores up to m, with its sink.
void store(uint at, uint head) {
  float f = finish(runM, runL, head);
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = gl_LocalInvocationID.x % LANES + i * LANES;
    if (d < DV) o.v[at * DV + d] = is(GATED) ? gated(FN_SIGMOID, gate.v[at * DV + d], f * runO[i]) : f * runO[i];
  }
}

// leave stores this lane's share of a piece, which begins at word at.
void leave(F32Shared parts, uint at) {
  uint lane = gl_LocalInvocationID.x % LANES;
  if (lane == 0u) {
    parts.v[at + DV] = runM;
    parts.v[at + DV + 1u] = runL;
  }
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = lane + i * LANES;
    if (d < DV) parts.v[at + d] = runO[i];
  }
}

// join takes pieces, the first of which begins at word at, into m, l and o.
void join(F32Shared parts, uint at, uint pieces) {
  runM = NEG;
  runL = 0.0;
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) runO[i] = 0.0;
  for (uint s = 0; s < pieces; s++, at += DV + 2u) {
    float m = parts.v[at + DV], top = m > runM ? m : runM, old = exp(runM - top), fade = exp(m - top);
    runL = fma(fade, parts.v[at + DV + 1u], old * runL);
    runM = top;
    [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
      uint d = gl_LocalInvocationID.x % LANES + i * LANES;
      if (d < DV) runO[i] = fma(fade, parts.v[at + d], old * runO[i]);
    }
  }
}

void main() {
  if (gl_WorkGroupID.z >= step.v[STEP_SEQS]) return; // the whole workgroup
  Seq seq = stepSeq(step, gl_WorkGroupID.z);
  uint most = step.v[STEP_TOKENS] - step.v[STEP_SEQS] + 1u, blocks = (most * group + BR - 1u) / BR; // rows of a sequence
  uint kvHead = gl_WorkGroupID.y, piece = gl_WorkGroupID.x / blocks, pair0 = gl_WorkGroupID.x % blocks * BR;
  if (pair0 >= seq.count * group) return; // the whole workgroup
  uvec2 keys = seen(seq.first, seq.count, seq.len);
  uint n = keys.y > keys.x ? keys.y - keys.x : 0u, pieces = pieceCount(n, splits), len = pieceLength(n, splits);
  if (piece >= pieces) return; // a shorter sequence than the longest; the whole workgroup
  uint from = keys.x + piece * len, to = min(keys.y, from + len);

  attend(seq, seq.first, seq.count, pair0, kvHead, from, to);

  uint pair = pair0 + gl_LocalInvocationID.x / LANES, head = kvHead * group + pair % group;
  uint at = (seq.first + pair / group) * kvHeads * group + head;
  bool mine = pair < seq.count * group;
  if (pieces == 1u) {
    if (mine) store(at, head);
    return;
  }
  F32Shared parts = F32Shared(uint64_t(partial));
  if (mine) leave(parts, (at * splits + piece) * (DV + 2u));
  if (!is(JOINED)) return;
  uint which = (gl_WorkGroupID.z * kvHeads + kvHead) * blocks + pair0 / BR;
  if (!bringsLast(counts, which, 1u, pieces) || !mine) return;
  join(parts, at * splits * (DV + 2u), pieces);
  store(at, head);
}
