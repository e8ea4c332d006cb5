// attention_decode: attention of up to 16 query rows of each sequence, the context split over workgroups.
//   formula, masks and the paging of keys: host/compute/attention.go; algorithm: include/attention.glsl
// With splits 1 it writes the result; otherwise partial results, which attention_combine joins: for row t, head h and
// split s, DV unnormalised values, then m and l, at word ((t heads + h) splits + s) (DV + 2). Empty splits write nothing.
// Shapes    q [T, heads D] f32; out [T, heads DV] or [T, heads, splits, DV + 2] f32; k, v as attention_prefill
// Params    include/attention.glsl
// Spec      include/attention.glsl
// Grid      x: splits * blocks of pairs (at least ceil(most rows of a sequence * group / BR)); y: KV heads; z: sequences
// Shared    include/attention.glsl
// Source    Dao et al., Flash-Decoding, 2023; twin fallback/attention.go
#version 460
#include "include/attention.glsl"

void main() {
  if (gl_WorkGroupID.z >= step.v[STEP_SEQS]) return; // the whole workgroup
  Seq seq = stepSeq(step, gl_WorkGroupID.z);
  uint kvHead = gl_WorkGroupID.y, split = gl_WorkGroupID.x % splits, pair0 = gl_WorkGroupID.x / splits * BR;
  if (pair0 >= seq.count * group) return; // the whole workgroup
  uvec2 keys = rowsRange(seq.first, seq.count, seq.len);
  uint from = keys.x, to = keys.y;
  if (splits > 1) {
    uint n = to > from ? to - from : 0u, len = splitLength(n);
    if (split * len >= n) return; // an empty split; the whole workgroup
    from += split * len;
    to = min(to, from + len);
  }

  attend(seq, seq.first, seq.count, pair0, kvHead, from, to);

  uint r = gl_LocalInvocationID.x / LANES, lane = gl_LocalInvocationID.x % LANES, pair = pair0 + r;
  if (pair >= seq.count * group) return;
  uint head = kvHead * group + pair % group, at = (seq.first + pair / group) * kvHeads * group + head;
  float f = 1.0;
  if (splits == 1) {
    f = finish(runM, runL, head);
    at *= DV;
  } else {
    at = (at * splits + split) * (DV + 2u);
    if (lane == 0u) {
      o.v[at + DV] = runM;
      o.v[at + DV + 1u] = runL;
    }
  }
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = lane + i * LANES;
    if (d < DV) o.v[at + d] = f * runO[i];
  }
}
