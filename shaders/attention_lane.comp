// attention_lane: attention of tiles of up to 16 query rows of one sequence over all the keys they see, by workgroups of one
// subgroup, which stage nothing.
//   formula, masks and the paging of keys: host/compute/attention.go
// A workgroup takes PAIRS pairs of row and head (include/attention.glsl says how they are packed) and walks the keys WG KEYS at
// a time: each invocation takes the scores of keys of its own, then the products of its own columns with the values of all of
// them. Queries and weights are what all invocations read alike; on devices that load such values once for a whole subgroup
// (CPUs) a key costs its decoding and one multiplication a pair, and no invocation waits for another.
//   s[j] = cap(scale q k[j]) + bias  m' = max(m, max_j s[j])        p[j] = exp(s[j] - m')
//   l' = l exp(m - m') + sum_j p[j]  o' = o exp(m - m') + sum_j p[j] v[j]
// Shapes    as attention_prefill
// Params    include/attention_params.glsl
// Spec      0 WG: a subgroup   1 PAIRS: 1 to 8   2 KEYS: of an invocation in a tile   3 D   4 DV   5 K_TYPE   6 V_TYPE: as
//           attention_prefill
// Grid      x: ceil(16 group / PAIRS) blocks of pairs; y: KV heads; z: at least the step's tiles; the rest exits
// Tails     keys past the last repeat it and have no weight; pairs past the last repeat it and are not stored
// Shared    4 PAIRS WG KEYS bytes: weights
// Order     scores by ascending quads of columns; keys ascending; f32
// Source    Milakov and Gimelshein, Online normalizer calculation for softmax, 2018, algorithm 3; Ainslie et al., GQA, 2023;
//           twin fallback/attention.go
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#define GATHERED
#include "include/attention_params.glsl"
#include "include/cache.glsl"
#include "include/tanh.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 8;
layout(constant_id = 1) const uint PAIRS = 1;
layout(constant_id = 2) const uint KEYS = 4;
layout(constant_id = 3) const uint D = 64;
layout(constant_id = 4) const uint DV = 64;
layout(constant_id = 5) const uint K_TYPE = 0;
layout(constant_id = 6) const uint V_TYPE = 0;

const uint BC = WG * KEYS;
const uint ALL = V_TYPE >= CACHE_Q8_0 ? (DV + 31) / 32 * 8 : (DV + 3) / 4; // quads of a head's values: of whole blocks
const uint QUADS = (ALL + WG - 1) / WG;                                     // an invocation's

shared float weights[PAIRS * BC];

uvec2 visible[PAIRS]; // keys of a pair
uint query[PAIRS];    // its first element in q
float runM[PAIRS], runL[PAIRS];
vec4 runO[PAIRS * QUADS];

// pairOf is pair i of the workgroup's; past the last, the last.
uint pairOf(Tile tile, uint i) { return min(gl_WorkGroupID.x * PAIRS + i, tile.count * group - 1u); }

// score finishes that of key j, of a pair.
float score(Tile tile, uint i, uint j, float s) {
  uint pair = pairOf(tile, i), head = gl_WorkGroupID.y * group + pair % group;
  s *= scale;
  if (is(CAP)) s = softCap * tanhExact(s / softCap);
  if (is(BIASED)) {
    int far = clamp(int(j) - int(stepPos(step, tile.first + pair / group)), -int(reach), int(reach)) + int(reach);
    s += bias.v[uint(far) * kvHeads * group + head];
  }
  return s;
}

// weigh takes the keys from j0 on, fewer than to, into maxima and sums, and leaves their weights.
void weigh(Tile tile, Seq seq, uint j0, uint to) {
  uint lane = gl_LocalInvocationID.x, kvHead = gl_WorkGroupID.y;
  uint64_t rows[KEYS];
  float s[PAIRS * KEYS];
  [[unroll]] for (uint n = 0; n < KEYS; n++)
    rows[n] = cacheRow(k, K_TYPE, keySlot(seq, min(j0 + n * WG + lane, to - 1u)), kvHeads * D);
  [[unroll]] for (uint i = 0; i < PAIRS * KEYS; i++) s[i] = 0.0;
  for (uint g = 0; g < (D + 3u) / 4u; g++) {
    uvec4 at = cacheColumns(K_TYPE, g);
    vec4 keys[KEYS];
    [[unroll]] for (uint n = 0; n < KEYS; n++) keys[n] = cacheFour(rows[n], K_TYPE, kvHead * D, D, g, is(ALIGNED));
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
      uvec4 e = query[i] + min(at, D - 1u); // what lies past the head meets zeros
      vec4 x = vec4(q.v[e.x], q.v[e.y], q.v[e.z], q.v[e.w]);
      [[unroll]] for (uint n = 0; n < KEYS; n++) {
        vec4 y = keys[n];
        s[i * KEYS + n] = fma(x.w, y.w, fma(x.z, y.z, fma(x.y, y.y, fma(x.x, y.x, s[i * KEYS + n]))));
      }
    }
  }
  [[unroll]] for (uint i = 0; i < PAIRS; i++) {
    float m = runM[i], l = 0.0;
    [[unroll]] for (uint n = 0; n < KEYS; n++) {
      uint j = j0 + n * WG + lane;
      s[i * KEYS + n] = score(tile, i, min(j, to - 1u), s[i * KEYS + n]);
      if (j >= visible[i].x && j < visible[i].y && s[i * KEYS + n] > m) m = s[i * KEYS + n]; // no number is never larger
    }
    m = subgroupMax(m);
    [[unroll]] for (uint n = 0; n < KEYS; n++) {
      uint j = j0 + n * WG + lane;
      float p = j >= visible[i].x && j < visible[i].y ? exp(s[i * KEYS + n] - m) : 0.0;
      weights[i * BC + n * WG + lane] = p;
      l += p;
    }
    float fade = exp(runM[i] - m);
    runM[i] = m;
    runL[i] = fma(fade, runL[i], subgroupAdd(l));
    [[unroll]] for (uint c = 0; c < QUADS; c++) runO[i * QUADS + c] *= fade;
  }
}

// add takes the values of n keys from j0 on by their weights. Where a weight is 0, what lies there never matters. With LATENT
// both types are one.
void add(Seq seq, uint j0, uint n) {
  uint kvHead = gl_WorkGroupID.y;
  uint stride = kvHeads * (is(LATENT) ? D : DV), from = kvHead * (is(LATENT) ? D : DV);
  for (uint j = 0; j < n; j++) {
    uint64_t row = cacheRow(is(LATENT) ? k : v, V_TYPE, keySlot(seq, j0 + j), stride);
    vec4 x[QUADS];
    [[unroll]] for (uint c = 0; c < QUADS; c++)
      x[c] = cacheFour(row, V_TYPE, from, DV, min(gl_LocalInvocationID.x + c * WG, ALL - 1u), is(ALIGNED));
    [[unroll]] for (uint i = 0; i < PAIRS; i++) {
      float p = weights[i * BC + j];
      if (p == 0.0) continue;
      [[unroll]] for (uint c = 0; c < QUADS; c++) runO[i * QUADS + c] = fma(vec4(p), x[c], runO[i * QUADS + c]);
    }
  }
}

void main() {
  if (gl_WorkGroupID.z >= step.v[STEP_TILES]) return; // the whole workgroup
  Tile tile = stepTile(step, gl_WorkGroupID.z);
  uint kvHead = gl_WorkGroupID.y, pairs = tile.count * group, pair0 = gl_WorkGroupID.x * PAIRS;
  if (pair0 >= pairs) return; // the whole workgroup
  Seq seq = stepSeq(step, tile.seq);
  uint firstRow = pair0 / group, endRow = min((pair0 + PAIRS - 1u) / group + 1u, tile.count);
  uvec2 keys = seen(tile.first + firstRow, endRow - firstRow, seq.len);
  [[unroll]] for (uint i = 0; i < PAIRS; i++) {
    uint pair = pairOf(tile, i), row = tile.first + pair / group;
    visible[i] = keyRange(stepPos(step, row), seq.len, mask());
    query[i] = ((row * kvHeads + kvHead) * group + pair % group) * D;
    runM[i] = NEG;
    runL[i] = 0.0;
  }
  [[unroll]] for (uint i = 0; i < PAIRS * QUADS; i++) runO[i] = vec4(0);

  for (uint j0 = keys.x; j0 < keys.y; j0 += BC) {
    weigh(tile, seq, j0, keys.y);
    barrier(); // weights are written before other invocations read them
    add(seq, j0, min(BC, keys.y - j0));
    barrier(); // and read before the next take their place
  }

  [[unroll]] for (uint i = 0; i < PAIRS; i++) {
    if (pair0 + i >= pairs) break;
    uint pair = pairOf(tile, i), head = kvHead * group + pair % group;
    uint at = ((tile.first + pair / group) * kvHeads * group + head) * DV;
    float f = finish(runM[i], runL[i], head);
    [[unroll]] for (uint c = 0; c < QUADS; c++) {
      uvec4 to = cacheColumns(V_TYPE, gl_LocalInvocationID.x + c * WG);
      [[unroll]] for (uint e = 0; e < 4u; e++) {
        if (to[e] < DV) o.v[at + to[e]] = f * runO[i * QUADS + c][e];
      }
    }
  }
}
