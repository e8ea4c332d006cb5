// route: pick the experts of each token and weigh them.
//   s = softmax or sigmoid of logits[t,:]      ids[t,:] = the used experts with the largest s[e] + bias[e], descending
//   weights[t,j] = factor s[ids[t,j]] / max(sum of the picked s, 2^-14), the division with NORMALIZE only
//   SCALED: times scales[ids[t,j]]
// With gate 2 the ranking is by the logits themselves and the division is by the plain sum. With groups > 1 only the
// usedGroups groups with the largest best (GROUP_TOP2: sum of two best) compete. Of equals the lower wins.
// Gate 3 ranks by the logits l too; each weight is factor over the sum of exp(l[e] - l_j) over every e not picked before
// with l_j - l[e] <= 2 jitter max(|l[e]|, l_j). Gate 4 ranks by the logits and weighs like gate 1.
// Shapes    logits [rows, experts], bias, scales [experts] f32; ids (whole numbers), weights [rows, used] f32
// Params    addresses; rows; experts: at most 1024; used: at most 64; gate: 0 softmax, 1 sigmoid, 2 softmax of the picked,
//           3 sparse mixer, 4 sigmoid of the picked; groups: 1 is none; usedGroups; flags: BIAS, NORMALIZE, GROUP_TOP2,
//           SCALED; factor; jitter
// Spec      0 WG: power of two, 8 to 256
// Grid      rows, folded into y; one workgroup per token
// Shared    12288 + 8 WG + 512 bytes
// Source    host/compute/route.go; twin fallback/route.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In logits;
  F32In bias;
  F32In scales;
  F32Out ids;
  F32Out weights;
  uint rows;
  uint experts;
  uint used;
  uint gate;
  uint groups;
  uint usedGroups;
  uint flags;
  float factor;
  float jitter;
};

const uint EXPERTS = 1024;
const bool ROUTES = true;
#include "include/route.glsl"

void main() {
  uint t = foldedWorkgroup();
  if (t >= rows) return; // the fold's tail; the whole workgroup
  for (uint e = gl_LocalInvocationID.x; e < experts; e += WG) rank[e] = logits.v[t * experts + e];
  route(Route(bias, scales, ids, weights, experts, used, gate, groups, usedGroups, flags, factor, jitter), t);
}
