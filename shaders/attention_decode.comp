// attention_decode: attention of up to 16 query rows of each sequence, the context split over workgroups.
//   formula, masks and the paging of keys: host/compute/attention.go; algorithm: include/attention.glsl
// How many pieces a sequence has follows from the keys that it sees (include/pieces.glsl), at most splits. One piece is the
// whole: it writes the result. More write partial results, which attention_combine joins: for row t, head h and piece s,
// DV unnormalised values, then m and l, at word ((t heads + h) splits + s) (DV + 2).
// With GATED the result is multiplied by the sigmoid of gate.
// Shapes    q [T, heads D] f32; gate, out [T, heads DV] f32; partial [T, heads, splits, DV + 2] f32; k, v as attention_prefill
// Params    include/attention.glsl
// Spec      include/attention.glsl
// Grid      indirect where splits > 1: x: pieces of the longest context * blocks of pairs; y: KV heads; z: sequences;
//           blocks = ceil((T - sequences + 1) group / BR)
// Shared    include/attention.glsl
// Source    Dao et al., Flash-Decoding, 2023; twin fallback/attention.go
#version 460
#include "include/attention.glsl"
#include "include/activation.glsl"

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

  uint r = gl_LocalInvocationID.x / LANES, lane = gl_LocalInvocationID.x % LANES, pair = pair0 + r;
  if (pair >= seq.count * group) return;
  uint head = kvHead * group + pair % group, at = (seq.first + pair / group) * kvHeads * group + head;
  if (pieces == 1u) {
    float f = finish(runM, runL, head);
    [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
      uint d = lane + i * LANES;
      if (d < DV) o.v[at * DV + d] = is(GATED) ? gated(FN_SIGMOID, gate.v[at * DV + d], f * runO[i]) : f * runO[i];
    }
    return;
  }
  at = (at * splits + piece) * (DV + 2u);
  if (lane == 0u) {
    partial.v[at + DV] = runM;
    partial.v[at + DV + 1u] = runL;
  }
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = lane + i * LANES;
    if (d < DV) partial.v[at + d] = runO[i];
  }
}
