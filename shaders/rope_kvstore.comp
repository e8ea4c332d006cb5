// rope_kvstore: rotate queries and keys, store the rotated keys and the values into their pages; three ops in one dispatch.
//   out = rope(q)      kCache[slot(t), :] = rope(k)[t, :]      vCache[slot(t), :] = v[t, :]
// Shapes    q, out [rows, qCols]; k [rows, kCols]; v [rows, vCols] f32; table and caches as in rope and kvstore
// Params    addresses; rows; qCols, kCols, vCols in elements; dim, rot in elements; pairing; pageSize in rows; longFrom in
//           keys, as in rope
// Spec      0 WG: 8 to 256   1 K_F16, 2 V_F16: 1 when that cache holds binary16   3 LONG: 1 when there is a longTable
// Grid      ceil(rows (qCols + kCols + vCols) / WG), folded into y; one invocation per element
// Source    as rope and kvstore; twins fallback/rope.go and kvstore.go
#version 460
#include "include/cache.glsl"
#include "include/grid.glsl"
#include "include/rope.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint K_F16 = 0;
layout(constant_id = 2) const uint V_F16 = 0;
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
  uint i = foldedInvocation(WG), cols = qCols + kCols + vCols, r = i / cols, c = i % cols;
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
  if (c < kCols) {
    uint e = c % dim;
    cacheStore(kCache, K_F16, slot, kCols, c, rotated(k, angles, r * kCols + c - e, e, rot, pairing, pos));
  } else {
    cacheStore(vCache, V_F16, slot, vCols, c - kCols, v.v[r * vCols + c - kCols]);
  }
}
