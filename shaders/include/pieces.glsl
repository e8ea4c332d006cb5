// pieces: which keys the rows of a sequence see, and into how many pieces attention of few rows divides them.
// Both depend on the sequence alone, so that a result never depends on what else is in the batch.
// Twins: compute.KeyRange, gpu/kernel/indirect.go.
#ifndef PIECES_GLSL
#define PIECES_GLSL
#include "step.glsl"

struct Mask {
  bool causal;
  uint window; // keys visible on each side, the query's own included; 0: all
  uint chunk;  // positions of a chunk, beyond which no key is visible; 0: all
};

// keyRange is the half-open range of keys that a query at pos sees in a sequence of n keys.
uvec2 keyRange(uint pos, uint n, Mask m) {
  uint lo = 0, hi = n;
  if (m.causal) hi = min(n, pos + 1u);
  if (m.window > 0u) {
    lo = pos + 1u > m.window ? pos + 1u - m.window : 0u;
    if (!m.causal) hi = min(hi, pos + m.window);
  }
  if (m.chunk > 0u) {
    uint first = pos / m.chunk * m.chunk;
    lo = max(lo, first);
    if (!m.causal) hi = min(hi, first + m.chunk);
  }
  return uvec2(lo, hi);
}

// rowsRange covers the ranges of count rows of the step from row on; x >= y when none sees a key.
uvec2 rowsRange(U32In step, uint row, uint count, uint n, Mask m) {
  uvec2 r = uvec2(0xffffffffu, 0);
  for (uint i = 0; i < count; i++) {
    uvec2 one = keyRange(stepPos(step, row + i), n, m);
    if (one.x < one.y) r = uvec2(min(r.x, one.x), max(r.y, one.y));
  }
  return r;
}

// pieceLength is the number of keys of each of the pieces of n keys, at most most of them: a multiple of 32, at least 64.
uint pieceLength(uint n, uint most) {
  uint pieces = clamp(n / 64u, 1u, most);
  return max((n + pieces * 32u - 1u) / (pieces * 32u) * 32u, 64u);
}

// pieceCount is how many there are: 1 when no key is seen.
uint pieceCount(uint n, uint most) {
  uint len = pieceLength(n, most);
  return max((n + len - 1u) / len, 1u);
}
#endif
