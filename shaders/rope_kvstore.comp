// rope_kvstore: rotate queries and keys, store the rotated keys and the values into their pages; three ops in one dispatch.
//   out = rope(q)      kCache[slot(t), :] = rope(k)[t, :]      vCache[slot(t), :] = v[t, :]
// Shapes    q, out [rows, qCols]; k [rows, kCols]; v [rows, vCols] f32; table and caches as in rope and kvstore
// Params    addresses; rows; qCols, kCols, vCols in elements; dim, rot in elements; pairing; pageSize in rows; longFrom in
//           keys, as in rope
// Spec      0 WG: 8 to 256   1 K_TYPE, 2 V_TYPE: types of include/cache.glsl   3 LONG: 1 when there is a longTable
// Grid      ceil(rows (qCols + kCols / k + vCols / v) / WG), folded into y; one invocation per element, or per
//           block of 32 that is stored: k and v are cacheUnit of the types
// Source    as rope and kvstore; twins fallback/rope.go and kvstore.go
#version 460
#include "include/cache.glsl"
#include "include/grid.glsl"
#include "include/rope.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint K_TYPE = 0;
layout(constant_id = 2) const uint V_TYPE = 0;
layout(constant_id = 3) const uint LONG = 0;

layout(push_constant) uniform Params {
  F32In q;
  F32In k;
  F32In v;
  F32In table;
  F32In longTable;
  F32Out o;
  uint64_t kCache;
  uint64_t vCache;
  U32In step;
  uint rows;
  uint qCols;
  uint kCols;
  uint vCols;
  uint dim;
  uint rot;
  uint pairing;
  uint pageSize;
  uint longFrom;
};

void main() {
  uint ks = kCols / cacheUnit(K_TYPE), units = qCols + ks + vCols / cacheUnit(V_TYPE);
  uint i = foldedInvocation(WG), r = i / units, c = i % units;
  if (r >= rows) return;
  uint pos = stepPos(step, r);
  Seq seq = stepSeq(step, stepRowSeq(step, r));
  F32In angles = table;
  if (LONG == 1) angles = anglesOf(table, longTable, longFrom, seq.until);
  if (c < qCols) {
    uint e = c % dim, at = r * qCols + c;
    o.v[at] = rotated(q, angles, at - e, e, rot, pairing, pos);
    return;
  }
  c -= qCols;
  uint slot = stepSlot(step, seq.pages, pos, pageSize);
  float x[32];
  if (c < ks) {
    if (!cacheBlocks(K_TYPE)) {
      uint e = c % dim;
      cacheStore(kCache, K_TYPE, slot, kCols, c, rotated(k, angles, r * kCols + c - e, e, rot, pairing, pos));
      return;
    }
    for (uint j = 0; j < 32u; j++) {
      uint at = 32u * c + j, e = at % dim;
      x[j] = rotated(k, angles, r * kCols + at - e, e, rot, pairing, pos);
    }
    cacheStoreBlock(kCache, K_TYPE, slot, kCols, c, x);
    return;
  }
  c -= ks;
  if (!cacheBlocks(V_TYPE)) {
    cacheStore(vCache, V_TYPE, slot, vCols, c, v.v[r * vCols + c]);
    return;
  }
  for (uint j = 0; j < 32u; j++) x[j] = v.v[r * vCols + 32u * c + j];
  cacheStoreBlock(vCache, V_TYPE, slot, vCols, c, x);
}
