// route: which experts a token is for, from the logits of its router, and how they are weighed. Formula: host/compute/route.go.
// To be included behind the constants WG, EXPERTS, the most experts, and ROUTES: false where no row is routed after all.
// Shared: 12 EXPERTS + 8 WG + 512 bytes.
// Twin: fallback/route.go.
#ifndef ROUTE_GLSL
#define ROUTE_GLSL
#include "memory.glsl"

const uint ROUTE_BIAS = 1u, ROUTE_NORMALIZE = 2u, ROUTE_GROUP_TOP2 = 4u, ROUTE_SCALED = 8u; // bits of flags

struct Route {
  F32In bias, scales;   // [experts]
  F32Out ids, weights;  // [rows, used]
  uint experts;
  uint used;            // at most 64
  uint gate;            // 0 softmax, 1 sigmoid, 2 softmax of the picked, 3 sparse mixer, 4 sigmoid of the picked
  uint groups;          // 1 is none
  uint usedGroups;
  uint flags;
  float factor_;
  float jitter;
};

const uint MAX_USED = 64;
shared float score[EXPERTS];
shared float rank[EXPERTS]; // the logits, at first
shared float groupValue[EXPERTS];
shared float best[ROUTES ? WG : 1u];
shared uint bestAt[ROUTES ? WG : 1u];
shared float pickedScore[ROUTES ? MAX_USED : 1u];
shared uint picked[ROUTES ? MAX_USED : 1u];

// largest finds the place of the largest rank, the lowest of equals; the result is in best[0] and bestAt[0].
void largest(uint experts) {
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

// sumOf adds v over the workgroup.
float sumOf(float v) {
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
float nearly(Route w, uint e) {
  float top = rank[e], s = 0.0;
  for (uint i = gl_LocalInvocationID.x; i < w.experts; i += WG) {
    float l = rank[i];
    if (l > -0.9e38 && top - l <= 2.0 * w.jitter * max(abs(l), top)) s += exp(l - top);
  }
  return sumOf(s);
}

// dropGroups takes the experts of groups that do not compete out of the ranking.
void dropGroups(Route w) {
  uint lane = gl_LocalInvocationID.x, size = w.experts / w.groups;
  barrier(); // every rank is written
  for (uint g = lane; g < w.groups; g += WG) {
    float first = NEG, second = NEG;
    for (uint e = g * size; e < (g + 1u) * size; e++) {
      if (rank[e] > first) {
        second = first;
        first = rank[e];
      } else if (rank[e] > second) {
        second = rank[e];
      }
    }
    groupValue[g] = (w.flags & ROUTE_GROUP_TOP2) != 0u ? first + second : first;
  }
  barrier(); // every group's value is written
  for (uint e = lane; e < w.experts; e += WG) {
    uint g = e / size, ahead = 0; // groups that come before this one
    for (uint i = 0; i < w.groups; i++) {
      if (groupValue[i] > groupValue[g] || groupValue[i] == groupValue[g] && i < g) ahead++;
    }
    if (ahead >= w.usedGroups) rank[e] = NEG;
  }
}

// route picks the experts of row t, whose logits are in rank, that of expert e written by invocation e % WG. The whole workgroup
// calls it.
void route(Route w, uint t) {
  uint lane = gl_LocalInvocationID.x;
  if (w.gate == 1u || w.gate == 4u) {
    for (uint e = lane; e < w.experts; e += WG) {
      float l = rank[e], h = exp(0.5 * min(l, 0.0));
      score[e] = h * h / (1.0 + exp(-abs(l)));
    }
  } else {
    largest(w.experts);
    float top = best[0], s = 0.0;
    for (uint e = lane; e < w.experts; e += WG) {
      score[e] = exp(rank[e] - top);
      s += score[e];
    }
    s = sumOf(s);
    for (uint e = lane; e < w.experts; e += WG) score[e] /= s;
  }
  for (uint e = lane; e < w.experts; e += WG) {
    float r = w.gate >= 2u ? rank[e] : score[e];
    rank[e] = (w.flags & ROUTE_BIAS) != 0u ? r + w.bias.v[e] : r;
  }
  if (w.groups > 1u) dropGroups(w);

  float sum = 0.0;
  for (uint j = 0; j < w.used; j++) {
    largest(w.experts);
    uint e = bestAt[0];
    float s = w.gate == 3u ? 1.0 / nearly(w, e) : score[e];
    sum += s;
    if (lane == 0u) {
      picked[j] = e;
      pickedScore[j] = s;
      rank[e] = -1.0e38; // below what groups left out have
    }
  }
  barrier(); // the last one picked is known to everyone
  float scale = w.factor_;
  if (w.gate == 2u) scale = w.factor_ / sum;
  else if (w.gate != 3u && (w.flags & ROUTE_NORMALIZE) != 0u) scale = w.factor_ / max(sum, 6.103515625e-5);
  for (uint j = lane; j < w.used; j += WG) {
    w.ids.v[t * w.used + j] = float(picked[j]);
    w.weights.v[t * w.used + j] = pickedScore[j] * ((w.flags & ROUTE_SCALED) != 0u ? scale * w.scales.v[picked[j]] : scale);
  }
}
#endif
