// few: what the kernels for few rows of x share (matmul_vec, matmul_lane): the normalisation of x as it is read, and what
// becomes of a result: stored, or rotated and put into the KV cache.
//   NORM:  x stands for x[r,k] g[k] / sqrt(mean_k(x[r,k]^2) + eps): the products are taken with x g, the sum of the squares
//          along with them, and the factor is applied to their sum
//          NORM_LAYER: for (x[r,k] - m) g[k] / sqrt(mean_k((x[r,k] - m)^2) + eps) + b[k], m the mean of the row, by which it
//          goes twice before; NORM_BIAS: with b
//   TO:    two bits for each matrix: TO_OUT, or TO_ROTATED: rows of the matrix are heads, and out gets the rotated result;
//          TO_KEYS: it goes to the cache of keys; TO_VALUES: the result goes to the cache of values as it is
//   HEADS: how queries and keys are normalised: head by head before or after they are rotated, or as a row before; bits for
//          normalised values, for values that are keys, for queries beside gates, and for latent attention. That, and blocks of
//          the cache, need more than the results of one workgroup: units.glsl
//   TAKE:  row r of x is that of the step's output r
//   ACT:   results go through a function of activation.glsl; with PAIR that is the gate's
//   BEHIND: bits. BEHIND_SCALE: results are multiplied by extra.scale before the residual is added, BEHIND_LAST: by extra.last
//          behind it; BEHIND_TIMES: what ACT gives is multiplied by extra.times, as the other matrix does with PAIR. The others
//          need all results of a row (units.glsl): BEHIND_NORM: they are normalised before the residual is added, and with
//          BEHIND_ALSO extra.also; BEHIND_LAYER: what is stored is also normalised, to extra.rowOut; BEHIND_BIAS: with a
//          bias; BEHIND_ROUTE: they are logits of a router, of UNIT experts (route.glsl). BEHIND_CONV and the two bits above
//          it: results of matrix 0, 1 or 2 go through a convolution over time (conv1d.comp) in which every row is its
//          sequence's only one
// Source: host/compute/takerows.go, rmsnorm.go, layernorm.go, rope.go, kvstore.go, activation.go, scale.go, route.go, conv1d.go;
// twins in fallback
#ifndef FEW_GLSL
#define FEW_GLSL
#include "matmul.glsl"
#include "activation.glsl"
#include "cache.glsl"
#include "rope.glsl"
#include "step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint COLS = 1;
layout(constant_id = 3) const uint MATS = 1;
layout(constant_id = 4) const uint PAIR = 0;
layout(constant_id = 5) const uint BIAS = 0;
layout(constant_id = 6) const uint RESIDUAL = 0;
layout(constant_id = 7) const uint X4 = 0;
layout(constant_id = 8) const uint NORM = 0;
layout(constant_id = 9) const uint TO = 0;
layout(constant_id = 10) const uint K_TYPE = 0; // types of cache.glsl
layout(constant_id = 11) const uint V_TYPE = 0;
layout(constant_id = 12) const uint HEADS = 0;
layout(constant_id = 13) const uint UNIT = 0; // elements of queries, keys and normalised values that are finished together
layout(constant_id = 14) const uint TAKE = 0;
layout(constant_id = 15) const uint ACT = 8; // FN_IDENTITY
layout(constant_id = 16) const uint BEHIND = 0;

const uint TO_OUT = 0u;
const uint TO_ROTATED = 1u;
const uint TO_KEYS = 2u;
const uint TO_VALUES = 3u;

const uint BEHIND_SCALE = 1u;
const uint BEHIND_NORM = 2u;
const uint BEHIND_LAYER = 4u;
const uint BEHIND_BIAS = 8u;
const uint BEHIND_TIMES = 16u;
const uint BEHIND_LAST = 32u;
const uint BEHIND_ROUTE = 64u;
const uint BEHIND_CONV = 128u;
const uint BEHIND_ALSO = 1024u;
const bool ROUTES = (BEHIND & BEHIND_ROUTE) != 0u;
const bool WHOLE_ROWS = (BEHIND & (BEHIND_NORM | BEHIND_LAYER | BEHIND_ROUTE)) != 0u;

const uint NORM_SQUARES = 1u; // values of NORM
const uint NORM_LAYER = 2u;
const uint NORM_BIAS = 3u;
const uint SQUARES = NORM == NORM_SQUARES ? 1 : 0; // sums of a row besides the products

const uint ORDER = HEADS & 3u;
const uint HEADS_BEFORE = 1u; // their rotation
const uint HEADS_AFTER = 2u;
const uint HEADS_ROW = 3u; // all of them together, before their rotation
const bool NORM_VALUES = (HEADS & 4u) != 0u; // each head
const bool GATED = (HEADS & 8u) != 0u; // heads of queries lie beside as many gates: each goes to a tensor of its own
const bool VALUES_OF_KEYS = (HEADS & 16u) != 0u; // values are the keys' sums
const bool LATENT = (HEADS & 32u) != 0u; // of a row of keys, the part that is not rotated is normalised
const bool APART = (HEADS & 64u) != 0u; // rotated parts of queries go to qOut

const uint SETS = ROWS * (1 + PAIR); // rows of weights read: with PAIR the gate's, then the up's

uint target(Matrix m) { return TO >> (2u * m.index) & 3u; }

// unitOf is the number of results of a matrix that are finished together, 0 where each workgroup finishes its own.
uint unitOf(Matrix m) {
  if (WHOLE_ROWS) return m.n;
  uint to = target(m);
  if (to == TO_OUT) return 0u;
  if (to == TO_VALUES) return NORM_VALUES ? UNIT : cacheBlocks(V_TYPE) ? 32u : 0u;
  if (ORDER == HEADS_ROW || LATENT) return m.n;
  if (GATED && to == TO_ROTATED) return 2u * UNIT;
  return ORDER != 0u || cacheBlocks(K_TYPE) && to == TO_KEYS ? UNIT : 0u;
}

// Rows that are rotated at once are walked pair by pair.
bool inPairs(Matrix m) { return (target(m) == TO_ROTATED || target(m) == TO_KEYS) && unitOf(m) == 0u; }

// pairRows are the two rows of pair p: those that RoPE turns together, or two neighbours that it leaves alone; heads begin every
// stride rows.
uvec2 pairRows(uint p, uint stride) {
  uint dim = extra.headDim, rot = extra.rot, i = 2u * (p % (dim / 2u)), head = p / (dim / 2u) * stride, j = i - extra.rotFrom;
  if (i < extra.rotFrom || j >= rot || extra.pairing == 0u) return uvec2(head + i) + uvec2(0, 1);
  return uvec2(head + extra.rotFrom + j / 2u) + uvec2(0, rot / 2u);
}

uvec2 pairRows(uint p) { return pairRows(p, extra.headDim); }

// rowOfX is where row r of x lies; past the last, where the last does.
uint rowOfX(uint r) {
  r = min(r, rows - 1u);
  return TAKE == 1 ? stepOutput(U32In(extra.step), r) : r;
}

// segment is 8 activations of row r; with NORM_SQUARES their squares are added to those of its statistics, and they are scaled
// by the norm's weights. With NORM_LAYER they are normalised by its mean and its scale.
void segment(uint r, uint seg, inout vec2 row, out vec4 a, out vec4 b) {
  uint e = 8u * seg, at = r * k + e;
  if (X4 == 1) {
    F32x4In x4 = F32x4In(uint64_t(x));
    a = x4.v[at >> 2];
    b = x4.v[(at >> 2) + 1u];
  } else {
    a = vec4(x.v[at], x.v[at + 1u], x.v[at + 2u], x.v[at + 3u]);
    b = vec4(x.v[at + 4u], x.v[at + 5u], x.v[at + 6u], x.v[at + 7u]);
  }
  if (NORM != 0u) {
    if (NORM == NORM_SQUARES) {
      row.x += dot(a, a) + dot(b, b);
    } else {
      a = (a - row.x) * row.y;
      b = (b - row.x) * row.y;
    }
    if (X4 == 1) {
      F32x4In g = F32x4In(extra.norm);
      a *= g.v[2u * seg];
      b *= g.v[2u * seg + 1u];
    } else {
      F32In g = F32In(extra.norm);
      a *= vec4(g.v[e], g.v[e + 1u], g.v[e + 2u], g.v[e + 3u]);
      b *= vec4(g.v[e + 4u], g.v[e + 5u], g.v[e + 6u], g.v[e + 7u]);
    }
  }
  if (NORM == NORM_BIAS) {
    F32In add = F32In(extra.normBias);
    a += vec4(add.v[e], add.v[e + 1u], add.v[e + 2u], add.v[e + 3u]);
    b += vec4(add.v[e + 4u], add.v[e + 5u], add.v[e + 6u], add.v[e + 7u]);
  }
}

// single is element e of row r likewise.
float single(uint r, uint e, inout vec2 row) {
  float v = x.v[r * k + e];
  if (NORM == NORM_SQUARES) row.x = fma(v, v, row.x);
  else if (NORM != 0u) v = (v - row.x) * row.y;
  if (NORM != 0u) v *= F32In(extra.norm).v[e];
  if (NORM == NORM_BIAS) v += F32In(extra.normBias).v[e];
  return v;
}

// factor is what the sums of products with a row are multiplied by.
float factor(float squares) { return NORM == NORM_SQUARES ? 1.0 / sqrt(squares / float(k) + extra.eps) : 1.0; }

float biased(Matrix m, uint n, float t) { return (BIAS >> m.index & 1u) != 0u ? t + m.bias.v[n] : t; }

// timesOf is what result n of row r is multiplied by, where there is no other matrix.
float timesOf(uint r, uint n) {
  return (BEHIND & BEHIND_TIMES) != 0u ? F32In(extra.times).v[r * extra.timesCols + extra.timesFrom + n] : 0.0;
}

// result is the finished sum of row n of a matrix with what becomes of it by itself; up is that of the other matrix with PAIR.
float result(Matrix m, uint n, float t, float up) {
  t = biased(m, n, t);
  if (PAIR == 1 || (BEHIND & BEHIND_TIMES) != 0u) return gated(ACT, t, (BIAS & 2u) != 0u ? up + b1.v[n] : up);
  return activate(ACT, t);
}

uint cacheSlot(uint r) {
  U32In step = U32In(extra.step);
  return stepSlot(step, stepSeq(step, stepRowSeq(step, r)).pages, stepPos(step, r), extra.pageSize);
}

// turn rotates elements a and b of pair p in row r.
void turn(uint r, uint p, inout float a, inout float b) {
  uint rot = extra.rot, i = 2u * (p % (extra.headDim / 2u)), j = i - extra.rotFrom;
  if (i < extra.rotFrom || j >= rot) return;
  U32In step = U32In(extra.step);
  uint keys = stepSeq(step, stepRowSeq(step, r)).until, at = stepPos(step, r) * rot + j;
  F32In angles = anglesOf(F32In(extra.table), F32In(extra.longTable), extra.longFrom, keys);
  float c = angles.v[at], s = angles.v[at + 1u], first = a * c - b * s;
  b = a * s + b * c;
  a = first;
}

#include "units.glsl"

// statistics are a row's before it is read: of NORM_LAYER its mean and what differences from it are multiplied by. The whole
// workgroup calls it.
vec2 statistics(uint r) {
  if (NORM <= NORM_SQUARES) return vec2(0);
  float s = 0.0, mean;
  for (uint e = gl_LocalInvocationID.x; e < k; e += WG) s += x.v[r * k + e];
  mean = totalOf(s) / float(k);
  s = 0.0;
  for (uint e = gl_LocalInvocationID.x; e < k; e += WG) s = fma(x.v[r * k + e] - mean, x.v[r * k + e] - mean, s);
  return vec2(mean, 1.0 / sqrt(totalOf(s) / float(k) + extra.eps));
}

// windowed is result n of row r behind those of the rows before it: the convolution over time. The window moves on by a row.
float windowed(Matrix m, uint r, uint n, float t) {
  U32In step = U32In(extra.step);
  Seq q = stepSeq(step, stepRowSeq(step, r));
  F32In w = F32In(extra.convW);
  F32Shared windows = F32Shared(extra.windows);
  bool fresh = stepPos(step, r) == 0u;
  uint last = extra.width - 1u, from = q.stateIn * last * m.n + n, to = q.stateOut * last * m.n + n;
  float sum = 0.0;
  for (uint j = 0; j < last; j++) {
    float before = fresh ? 0.0 : windows.v[from + j * m.n];
    if (j > 0u) windows.v[to + (j - 1u) * m.n] = before;
    sum = fma(w.v[n * extra.width + j], before, sum);
  }
  windows.v[to + (last - 1u) * m.n] = t;
  sum = fma(w.v[n * extra.width + last], t, sum);
  if (extra.convBias != 0ul) sum += F32In(extra.convBias).v[n];
  return extra.convSiLU != 0u ? silu(sum) : sum;
}

// put stores the result of row n of a matrix that is not rotated at once.
void put(Matrix m, uint r, uint n, float t) {
  if ((BEHIND & BEHIND_CONV << m.index) != 0u) t = windowed(m, r, n, t);
  if ((BEHIND & BEHIND_SCALE) != 0u) t *= extra.scale;
  if (RESIDUAL == 1 && (BEHIND & BEHIND_NORM) == 0u) t += residual.v[r * m.n + n];
  if ((BEHIND & BEHIND_LAST) != 0u && (BEHIND & BEHIND_NORM) == 0u) t *= extra.last;
  if (unitOf(m) > 0u) F32Shared(uint64_t(m.o)).v[r * m.n + n] = t;
  else if (target(m) == TO_VALUES) cacheStore(extra.vCache, V_TYPE, cacheSlot(r), m.n, n, t);
  else m.o.v[r * m.n + n] = t;
}

// putQuery stores element n of row r of the queries.
void putQuery(Matrix m, uint r, uint n, float t) {
  uint dim = extra.headDim, i = n % dim, head = r * (m.n / dim) + n / dim;
  if (APART && i >= extra.rotFrom) F32Out(extra.qOut).v[head * extra.outHead + extra.outFrom + i - extra.rotFrom] = t;
  else m.o.v[r * m.n + n] = t;
}

// putPair rotates the finished sums of pair p, and stores both.
void putPair(Matrix m, uint r, uint p, float a, float b) {
  uvec2 n = pairRows(p);
  a = biased(m, n.x, a);
  b = biased(m, n.y, b);
  turn(r, p, a, b);
  if (target(m) == TO_KEYS) {
    uint slot = cacheSlot(r);
    cacheStore(extra.kCache, K_TYPE, slot, m.n, n.x, a);
    cacheStore(extra.kCache, K_TYPE, slot, m.n, n.y, b);
  } else {
    putQuery(m, r, n.x, a);
    putQuery(m, r, n.y, b);
  }
}
#endif
