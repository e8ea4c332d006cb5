// rope: element e of a rotated head. With (a, b) the pair that e belongs to and (cos, sin) of that pair from the table,
//   first of the pair: a cos - b sin      second: a sin + b cos      not rotated: copied
// Pairing 0 (adjacent): elements 2i and 2i+1; 1 (halves): i and i + rot/2.
// Source: Su et al., RoFormer, 2021, section 3.4.2.
#ifndef ROPE_GLSL
#define ROPE_GLSL
#include "memory.glsl"

// anglesOf is the table of a row: the long one for sequences that will have more than longFrom keys.
F32In anglesOf(F32In table, F32In longTable, uint longFrom, uint keys) {
  return F32In(keys > longFrom ? uint64_t(longTable) : uint64_t(table));
}

// rotated is element e (in the head that begins at x[at]) at position pos; table is [positions, rot].
float rotated(F32In x, F32In table, uint at, uint e, uint rot, uint pairing, uint pos) {
  if (e >= rot) return x.v[at + e];
  uint i, first, second;
  bool isFirst;
  if (pairing == 0u) {
    i = e >> 1;
    first = 2u * i;
    second = first + 1u;
    isFirst = (e & 1u) == 0u;
  } else {
    isFirst = e < rot / 2u;
    i = isFirst ? e : e - rot / 2u;
    first = i;
    second = i + rot / 2u;
  }
  float a = x.v[at + first], b = x.v[at + second];
  float c = table.v[pos * rot + 2u * i], s = table.v[pos * rot + 2u * i + 1u];
  return isFirst ? a * c - b * s : a * s + b * c;
}
#endif
