// attention_combine: join the partial results of attention_decode.
//   m = max_s m[s]      out[t,h,:] = sum_s exp(m[s] - m) o[s] / (sum_s exp(m[s] - m) l[s] + exp(sink - m))
// With GATED the result is multiplied by the sigmoid of gate.
// Shapes    partial: q of the parameters, [T, heads, splits, DV + 2] f32; gate, out [T, heads DV] f32
// Params    include/attention.glsl; q holds the partial results, k and v are not used
// Spec      include/attention.glsl, as the attention_decode it follows, except WG
// Grid      indirect: x: heads; y, z: rows of the step, folded; one workgroup per row and head; none if no sequence is in pieces
// Shared    none
// Order     splits ascending, f32
// Source    Dao et al., Flash-Decoding, 2023; twin fallback/attention.go
#version 460
#include "include/attention.glsl"
#include "include/activation.glsl"

void main() {
  uint heads = kvHeads * group, head = gl_WorkGroupID.x, row = gl_WorkGroupID.y + gl_WorkGroupID.z * gl_NumWorkGroups.y;
  if (row >= step.v[STEP_TOKENS]) return;
  Seq seq = stepSeq(step, stepRowSeq(step, row));
  uvec2 keys = seen(seq.first, seq.count, seq.len);
  uint used = pieceCount(keys.y > keys.x ? keys.y - keys.x : 0u, splits);
  if (used == 1u) return; // attention_decode wrote the result; the whole workgroup
  uint at = (row * heads + head) * splits * (DV + 2u), stride = DV + 2u;
  float m = NEG;
  for (uint s = 0; s < used; s++) m = max(m, q.v[at + s * stride + DV]);
  float l = 0.0;
  for (uint s = 0; s < used; s++) l += exp(q.v[at + s * stride + DV] - m) * q.v[at + s * stride + DV + 1u];
  float f = finish(m, l, head);
  for (uint d = gl_LocalInvocationID.x; d < DV; d += WG) {
    float v = 0.0;
    for (uint s = 0; s < used; s++) {
      float fade = exp(q.v[at + s * stride + DV] - m);
      if (fade != 0.0) v = fma(fade, q.v[at + s * stride + d], v);
    }
    uint to = (row * heads + head) * DV + d;
    o.v[to] = is(GATED) ? gated(FN_SIGMOID, gate.v[to], f * v) : f * v;
  }
}
