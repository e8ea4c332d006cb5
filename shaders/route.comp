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

const uint BIAS = 1u, NORMALIZE = 2u, GROUP_TOP2 = 4u, SCALED = 8u; // bits of flags

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

const uint MAX_EXPERTS = 1024, MAX_USED = 64;
shared float score[MAX_EXPERTS];
shared float rank[MAX_EXPERTS];
shared float best[WG];
shared uint bestAt[WG];
shared float groupValue[MAX_EXPERTS];
shared float pickedScore[MAX_USED];
shared uint picked[MAX_USED];

// largest finds the place of the largest rank, the lowest of equals; the result is in best[0] and bestAt[0].
void largest() {
  uint lane = gl_LocalInvocationID.x;
  barrier(); // ranks are final, and the result before this one has been read
  float v = NEG;
  uint at = 0xffffffffu;
  for (uint e = lane; e < experts; e += WG) {
    if (at == 0xffffffffu || rank[e] > v) {
      v = rank[e];
      at = e;
    }
  }
  best[lane] = v;
  bestAt[lane] = at;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the level above is written before this one reads it
    if (lane < n && bestAt[lane + n] != 0xffffffffu) {
      float w = best[lane + n];
      if (bestAt[lane] == 0xffffffffu || w > best[lane] || w == best[lane] && bestAt[lane + n] < bestAt[lane]) {
        best[lane] = w;
        bestAt[lane] = bestAt[lane + n];
      }
    }
  }
  barrier(); // the result is written before everyone reads it
}

// total adds v over the workgroup.
float total(float v) {
  uint lane = gl_LocalInvocationID.x;
  barrier(); // the result before this one has been read by everyone
  best[lane] = v;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the level above is written before this one reads it
    if (lane < n) best[lane] += best[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  return best[0];
}

// nearly sums what expert e competes with, itself among them, relative to its logit; those picked before have left the ranking.
float nearly(uint e) {
  float top = rank[e], s = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < experts; i += WG) {
    float l = rank[i];
    if (l > -0.9e38 && top - l <= 2.0 * jitter * max(abs(l), top)) s += exp(l - top);
  }
  return total(s);
}

// dropGroups takes the experts of groups that do not compete out of the ranking.
void dropGroups() {
  uint lane = gl_LocalInvocationID.x, size = experts / groups;
  barrier(); // every rank is written
  for (uint g = lane; g < groups; g += WG) {
    float first = NEG, second = NEG;
    for (uint e = g * size; e < (g + 1u) * size; e++) {
      if (rank[e] > first) {
        second = first;
        first = rank[e];
      } else if (rank[e] > second) {
        second = rank[e];
      }
    }
    groupValue[g] = (flags & GROUP_TOP2) != 0u ? first + second : first;
  }
  barrier(); // every group's value is written
  for (uint e = lane; e < experts; e += WG) {
    uint g = e / size, ahead = 0; // groups that come before this one
    for (uint i = 0; i < groups; i++) {
      if (groupValue[i] > groupValue[g] || groupValue[i] == groupValue[g] && i < g) ahead++;
    }
    if (ahead >= usedGroups) rank[e] = NEG;
  }
}

void main() {
  uint t = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (t >= rows) return; // the fold's tail; the whole workgroup
  for (uint e = lane; e < experts; e += WG) rank[e] = logits.v[t * experts + e];
  if (gate == 1u || gate == 4u) {
    for (uint e = lane; e < experts; e += WG) {
      float l = rank[e], h = exp(0.5 * min(l, 0.0));
      score[e] = h * h / (1.0 + exp(-abs(l)));
    }
  } else {
    largest();
    float top = best[0], s = 0.0;
    for (uint e = lane; e < experts; e += WG) {
      score[e] = exp(rank[e] - top);
      s += score[e];
    }
    s = total(s);
    for (uint e = lane; e < experts; e += WG) score[e] /= s;
  }
  for (uint e = lane; e < experts; e += WG) {
    float r = gate >= 2u ? rank[e] : score[e];
    rank[e] = (flags & BIAS) != 0u ? r + bias.v[e] : r;
  }
  if (groups > 1u) dropGroups();

  float sum = 0.0;
  for (uint j = 0; j < used; j++) {
    largest();
    uint e = bestAt[0];
    float s = gate == 3u ? 1.0 / nearly(e) : score[e];
    sum += s;
    if (lane == 0u) {
      picked[j] = e;
      pickedScore[j] = s;
      rank[e] = -1.0e38; // below what groups left out have
    }
  }
  barrier(); // the last one picked is known to everyone
  float scale = factor;
  if (gate == 2u) scale = factor / sum;
  else if (gate != 3u && (flags & NORMALIZE) != 0u) scale = factor / max(sum, 6.103515625e-5);
  for (uint j = lane; j < used; j += WG) {
    ids.v[t * used + j] = float(picked[j]);
    weights.v[t * used + j] = pickedScore[j] * ((flags & SCALED) != 0u ? scale * scales.v[picked[j]] : scale);
  }
}
