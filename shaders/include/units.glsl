// units: results that are only finished when all of a head, a block of the cache or a row is there, which many workgroups make.
// Each leaves its sums in memory and counts them; the one that counts the last of a unit of UNIT queries or keys, or of 32
// values, finishes it (last.glsl).
//   HEADS:  v[e] g[e] / sqrt(mean of the head's v^2 + headEps), before the rotation of queries and keys or after it; HEADS_ROW:
//           the mean of all heads, and UNIT is the longest row
//   then queries go back to where the sums were, or with GATED to qOut and their gates to gateOut; keys and values into the
//   cache
//   NORM_VALUES: values are normalised as heads are; VALUES_OF_KEYS: they are the sums of the keys
//   LATENT: the first rotFrom elements of a row of keys are normalised, v g / sqrt(mean of their v^2 + headEps), the rest
//   rotated
//   BEHIND_NORM:  out[r,e] = (v[e] g[e] / sqrt(mean of the row's v^2 + rowEps) + residual[r,e] + also[r,e]) last, where the
//                 sums were; what is added may be absent
//   BEHIND_ROUTE: they stay where they are, and choose experts (route.glsl)
//   BEHIND_LAYER: rowOut[r,e] = (v[e] - m) g[e] / sqrt(mean of the row's (v - m)^2 + rowEps) + b[e], m the mean of the row's v
// UNIT is a whole number of heads, and of blocks where the cache of keys has blocks. counts are 0 before and after.
// Source: host/compute/rmsnorm.go, layernorm.go, rope.go, kvstore.go; twins in fallback
#ifndef UNITS_GLSL
#define UNITS_GLSL
#include "last.glsl"

shared float whole[GATED ? 2u * UNIT : UNIT > 32u ? UNIT : 32u]; // the unit
shared float terms[HEADS != 0u || WHOLE_ROWS || NORM > NORM_SQUARES ? WG : 1u];

const uint EXPERTS = ROUTES ? UNIT : 1u;
#include "route.glsl"

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

// normaliseHead: the head of dim elements that begins at element h of the unit.
void normaliseHead(uint h, uint dim, F32In weights) {
  uint lane = gl_LocalInvocationID.x;
  float s = 0.0;
  for (uint e = lane; e < dim; e += WG) s = fma(whole[h + e], whole[h + e], s);
  float scale = 1.0 / sqrt(totalOf(s) / float(dim) + extra.headEps);
  for (uint e = lane; e < dim; e += WG) whole[h + e] = whole[h + e] * scale * weights.v[e];
}

// normaliseHeads: all heads of the unit, of dim elements every stride.
void normaliseHeads(uint64_t weights, uint unit, uint dim, uint stride) {
  for (uint h = 0; h < unit; h += stride) normaliseHead(h, dim, F32In(weights));
  barrier(); // heads are normalised before they are rotated or stored
}

// storeUnit stores the unit in a row of a cache.
void storeUnit(uint64_t cache, const uint type, uint slot, uint cols, uint first, uint unit) {
  uint lane = gl_LocalInvocationID.x;
  if (!cacheBlocks(type)) {
    for (uint e = lane; e < unit; e += WG) cacheStore(cache, type, slot, cols, first + e, whole[e]);
    return;
  }
  for (uint b = lane; b < unit / 32u; b += WG) {
    float x[32];
    [[unroll]] for (uint e = 0; e < 32u; e++) x[e] = whole[32u * b + e];
    cacheStoreBlock(cache, type, slot, cols, first / 32u + b, x);
  }
}

// takeUnit brings what workgroups have left of a unit, from element at of the sums on.
void takeUnit(Matrix m, uint at, uint unit) {
  F32Shared sums = F32Shared(uint64_t(m.o));
  barrier(); // the unit before this one is done with
  for (uint e = gl_LocalInvocationID.x; e < unit; e += WG) whole[e] = sums.v[at + e];
  barrier(); // the unit is there before anyone looks at what others have read
}

// putQueries stores a unit of queries: where the sums were, or apart from their gates.
void putQueries(Matrix m, uint r, uint first, uint unit) {
  F32Shared sums = F32Shared(uint64_t(m.o));
  uint dim = extra.headDim;
  for (uint e = gl_LocalInvocationID.x; e < unit; e += WG) {
    uint n = first + e, i = n % (2u * dim), to = r * (m.n / 2u) + n / (2u * dim) * dim;
    if (!GATED) sums.v[r * m.n + n] = whole[e];
    else if (i < dim) F32Out(extra.qOut).v[to + i] = whole[e];
    else F32Out(extra.gateOut).v[to + i - dim] = whole[e];
  }
}

// finishUnit: the unit of row r that begins at column first.
void finishUnit(Matrix m, uint r, uint first, uint unit) {
  uint lane = gl_LocalInvocationID.x, to = target(m), each = GATED && to == TO_ROTATED ? 2u : 1u;
  uint dim = ORDER == HEADS_ROW ? unit : extra.headDim;
  takeUnit(m, r * m.n + first, unit);
  if (to == TO_VALUES) {
    if (NORM_VALUES) normaliseHeads(extra.vNorm, unit, dim, dim);
    storeUnit(extra.vCache, V_TYPE, cacheSlot(r), m.n, first, unit);
    return;
  }
  uint64_t weights = to == TO_KEYS ? extra.kNorm : extra.qNorm;
  if (ORDER == HEADS_BEFORE || ORDER == HEADS_ROW) normaliseHeads(weights, unit, dim, each * dim);
  if (LATENT) {
    normaliseHead(0u, extra.rotFrom, F32In(weights));
    barrier(); // the row is normalised before it is stored
  }
  for (uint p = lane; p < unit / each / 2u; p += WG) {
    uvec2 n = pairRows(p, each * extra.headDim);
    float a = whole[n.x], b = whole[n.y];
    turn(r, p, a, b);
    whole[n.x] = a;
    whole[n.y] = b;
  }
  barrier(); // all is rotated before it is stored
  if (ORDER == HEADS_AFTER) normaliseHeads(weights, unit, dim, each * dim);
  if (to != TO_KEYS) {
    putQueries(m, r, first, unit);
    return;
  }
  storeUnit(extra.kCache, K_TYPE, cacheSlot(r), m.n, first, unit);
  if (!VALUES_OF_KEYS) return;
  takeUnit(m, r * m.n + first, unit);
  if (NORM_VALUES) normaliseHeads(extra.vNorm, unit, dim, dim);
  storeUnit(extra.vCache, V_TYPE, cacheSlot(r), m.n, first, unit);
}

// finishRow: row r of the results. Every invocation keeps to elements of its own.
void finishRow(Matrix m, uint r) {
  uint lane = gl_LocalInvocationID.x, at = r * m.n;
  float width = float(m.n), s = 0.0;
  F32Shared v = F32Shared(uint64_t(m.o));
  if (ROUTES) {
    for (uint e = lane; e < m.n; e += WG) rank[e] = v.v[at + e];
    route(Route(F32In(extra.routeBias), F32In(extra.routeScales), F32Out(extra.ids), F32Out(extra.weights), m.n, extra.used,
      extra.gate, extra.groups, extra.usedGroups, extra.routeFlags, extra.routeFactor, extra.jitter), r);
    return;
  }
  F32In g = F32In(extra.rowNorm);
  if ((BEHIND & BEHIND_NORM) != 0u) {
    for (uint e = lane; e < m.n; e += WG) s = fma(v.v[at + e], v.v[at + e], s);
    float scale = 1.0 / sqrt(totalOf(s) / width + extra.rowEps);
    for (uint e = lane; e < m.n; e += WG) {
      float t = v.v[at + e] * scale * g.v[e];
      if (RESIDUAL == 1) t += residual.v[at + e];
      if ((BEHIND & BEHIND_ALSO) != 0u) t += F32In(extra.also).v[at + e];
      if ((BEHIND & BEHIND_LAST) != 0u) t *= extra.last;
      v.v[at + e] = t;
    }
    return;
  }
  for (uint e = lane; e < m.n; e += WG) s += v.v[at + e];
  float mean = totalOf(s) / width;
  s = 0.0;
  for (uint e = lane; e < m.n; e += WG) s = fma(v.v[at + e] - mean, v.v[at + e] - mean, s);
  float scale = 1.0 / sqrt(totalOf(s) / width + extra.rowEps);
  for (uint e = lane; e < m.n; e += WG) {
    float t = (v.v[at + e] - mean) * scale * g.v[e];
    if ((BEHIND & BEHIND_BIAS) != 0u) t += F32In(extra.rowBias).v[e];
    F32Out(extra.rowOut).v[at + e] = t;
  }
}

// finish follows the sums of a workgroup's rows first to first + height of a matrix, for all rows of x.
void finish(Matrix m, uint height) {
  uint unit = unitOf(m);
  if (unit == 0u) return;
  uint end = min(m.first + height, m.n);
  for (uint u = m.first / unit; u * unit < end; u++) {
    uint mine = min(end, (u + 1u) * unit) - max(m.first, u * unit);
    if (!bringsLast(extra.counts, m.index * extra.units + u, mine, unit)) continue;
    for (uint r = 0; r < rows; r++) {
      if (WHOLE_ROWS) finishRow(m, r);
      else finishUnit(m, r, u * unit, unit);
    }
  }
}
#endif
