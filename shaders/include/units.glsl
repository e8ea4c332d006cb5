// units: results that can only be finished when all of a head or of a block of the cache are there, which many workgroups make.
// Each leaves its sums in memory and counts them; the one that counts the last of a unit of UNIT queries or keys, or of 32
// values, finishes it. Nobody waits for anybody, so that it does not matter in which order a device runs workgroups, and the
// result is the same whoever is last.
//   HEADS:  v[e] g[e] / sqrt(mean of the head's v^2 + headEps)
//   then rotation of queries and keys; then queries go back to where the sums were, keys and values into the cache
// UNIT is a whole number of heads, and of blocks where the cache of keys has blocks. counts are 0 before and after.
// Source: host/compute/rmsnorm.go, rope.go, kvstore.go; twins in fallback
#ifndef UNITS_GLSL
#define UNITS_GLSL

// What other workgroups write while this one runs is read past caches that are not shared.
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer F32Shared { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer Counts { uint v[]; };

shared float whole[UNIT > 32u ? UNIT : 32u]; // the unit
shared float squaresOf[HEADS * WG + 1u];
shared bool complete;

// normaliseHead: the head that begins at element h of the unit.
void normaliseHead(uint h, F32In weights) {
  uint lane = gl_LocalInvocationID.x, dim = extra.headDim;
  float s = 0.0;
  for (uint e = lane; e < dim; e += WG) s = fma(whole[h + e], whole[h + e], s);
  squaresOf[lane] = s;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) squaresOf[lane] += squaresOf[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  float scale = 1.0 / sqrt(squaresOf[0] / float(dim) + extra.headEps);
  for (uint e = lane; e < dim; e += WG) whole[h + e] = whole[h + e] * scale * weights.v[e];
  barrier(); // the head is normalised before it is rotated, and the total read before the next head's
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

// finishUnit: the unit of row r that begins at column first.
void finishUnit(Matrix m, uint r, uint first, uint unit) {
  uint lane = gl_LocalInvocationID.x, at = r * m.n + first;
  F32Shared sums = F32Shared(uint64_t(m.o));
  for (uint e = lane; e < unit; e += WG) whole[e] = sums.v[at + e];
  barrier(); // the unit is there before anyone looks at what others have read
  if (target(m) != TO_VALUES) {
    if (HEADS == 1) {
      F32In weights = F32In(target(m) == TO_KEYS ? extra.kNorm : extra.qNorm);
      for (uint h = 0; h < unit; h += extra.headDim) normaliseHead(h, weights);
    }
    for (uint p = lane; p < unit / 2u; p += WG) {
      uvec2 n = pairRows(p);
      float a = whole[n.x], b = whole[n.y];
      turn(r, p, a, b);
      whole[n.x] = a;
      whole[n.y] = b;
    }
    barrier(); // all is rotated before it is stored
  }
  if (target(m) == TO_KEYS) storeUnit(extra.kCache, K_TYPE, cacheSlot(r), m.n, first, unit);
  else if (target(m) == TO_VALUES) storeUnit(extra.vCache, V_TYPE, cacheSlot(r), m.n, first, unit);
  else for (uint e = lane; e < unit; e += WG) sums.v[at + e] = whole[e];
  barrier(); // all is stored before the next row takes its place
}

// finish follows the sums of a workgroup's rows first to first + height of a matrix, for all rows of x.
void finish(Matrix m, uint height) {
  uint unit = unitOf(m);
  if (unit == 0u) return;
  Counts counts = Counts(extra.counts);
  uint end = min(m.first + height, m.n);
  memoryBarrierBuffer();
  barrier(); // the workgroup's sums are in memory before they are counted
  for (uint u = m.first / unit; u * unit < end; u++) {
    uint mine = min(end, (u + 1u) * unit) - max(m.first, u * unit);
    if (gl_LocalInvocationID.x == 0u) {
      uint at = m.index * extra.units + u;
      complete = atomicAdd(counts.v[at], mine) + mine == unit;
      if (complete) counts.v[at] = 0u; // for the next run
    }
    barrier(); // it is known whether the unit is complete
    if (complete) {
      memoryBarrierBuffer();
      for (uint r = 0; r < rows; r++) finishUnit(m, r, u * unit, unit);
    }
    barrier(); // everyone has looked before the next unit
  }
}
#endif
