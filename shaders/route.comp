// route: pick the experts of each token and weigh them.
//   s = softmax or sigmoid of logits[t,:]      ids[t,:] = the USED experts with the largest s[e] + bias[e], descending
//   weights[t,j] = factor s[ids[t,j]] / max(sum of the picked s, 2^-14), the division with NORMALIZE only
// With GATE 2 the ranking is by the logits themselves and the division is by the plain sum. With GROUPS > 1 only the
// USED_GROUPS groups with the largest best (GROUP_TOP2: sum of two best) compete. Of equals the lower wins.
// Shapes    logits [rows, experts], bias [experts] f32; ids (whole numbers), weights [rows, USED] f32
// Params    addresses; rows; experts: at most 1024; factor
// Spec      0 WG: power of two, 8 to 256   1 USED   2 GATE: 0 softmax, 1 sigmoid, 2 softmax of the picked   3 BIAS
//           4 NORMALIZE   5 GROUPS: 1 is none   6 USED_GROUPS   7 GROUP_TOP2
// Grid      rows, folded into y; one workgroup per token
// Shared    8192 + 8 WG + 4 GROUPS bytes
// Source    host/compute/route.go; twin fallback/route.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint USED = 2;
layout(constant_id = 2) const uint GATE = 0;
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint NORMALIZE = 0;
layout(constant_id = 5) const uint GROUPS = 1;
layout(constant_id = 6) const uint USED_GROUPS = 1;
layout(constant_id = 7) const uint GROUP_TOP2 = 0;

layout(push_constant) uniform Params {
  F32In logits;
  F32In bias;
  F32Out ids;
  F32Out weights;
  uint rows;
  uint experts;
  float factor;
};

const uint MAX_EXPERTS = 1024;
shared float score[MAX_EXPERTS];
shared float rank[MAX_EXPERTS];
shared float best[WG];
shared uint bestAt[WG];
shared float groupValue[GROUPS];

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

// dropGroups takes the experts of groups that do not compete out of the ranking.
void dropGroups() {
  uint lane = gl_LocalInvocationID.x, size = experts / GROUPS;
  barrier(); // every rank is written
  for (uint g = lane; g < GROUPS; g += WG) {
    float first = NEG, second = NEG;
    for (uint e = g * size; e < (g + 1u) * size; e++) {
      if (rank[e] > first) {
        second = first;
        first = rank[e];
      } else if (rank[e] > second) {
        second = rank[e];
      }
    }
    groupValue[g] = GROUP_TOP2 == 1 ? first + second : first;
  }
  barrier(); // every group's value is written
  for (uint e = lane; e < experts; e += WG) {
    uint g = e / size, ahead = 0; // groups that come before this one
    for (uint i = 0; i < GROUPS; i++) {
      if (groupValue[i] > groupValue[g] || groupValue[i] == groupValue[g] && i < g) ahead++;
    }
    if (ahead >= USED_GROUPS) rank[e] = NEG;
  }
}

void main() {
  uint t = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (t >= rows) return; // the fold's tail; the whole workgroup
  for (uint e = lane; e < experts; e += WG) rank[e] = logits.v[t * experts + e];
  if (GATE == 1) {
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
    float r = GATE == 2 ? rank[e] : score[e];
    rank[e] = BIAS == 1 ? r + bias.v[e] : r;
  }
  if (GROUPS > 1) dropGroups();

  float sum = 0.0, mine[(USED + WG - 1) / WG];
  uint expert[(USED + WG - 1) / WG];
  for (uint j = 0; j < USED; j++) {
    largest();
    uint e = bestAt[0];
    sum += score[e];
    if (j % WG == lane) {
      mine[j / WG] = score[e];
      expert[j / WG] = e;
    }
    if (lane == 0u) rank[e] = -1.0e38; // below what groups left out have
  }
  float scale = factor;
  if (GATE == 2) scale = factor / sum;
  else if (NORMALIZE == 1) scale = factor / max(sum, 6.103515625e-5);
  for (uint j = lane; j < USED; j += WG) {
    ids.v[t * USED + j] = float(expert[j / WG]);
    weights.v[t * USED + j] = mine[j / WG] * scale;
  }
}
