// kvstore: write the step's keys and values into their pages.
//   kCache[slot(t), :] = k[t, :]      vCache[slot(t), :] = v[t, :]      slot(t): include/step.glsl
// Shapes    k [rows, kCols], v [rows, vCols] f32; caches [pages * pageSize, kCols or vCols] f32 or binary16 (nearest even)
// Params    addresses; rows; kCols, vCols in elements; pageSize in rows
// Spec      0 WG: 8 to 256   1 K_F16, 2 V_F16: 1 when that cache holds binary16
// Grid      ceil(rows (kCols + vCols) / WG), folded into y; one invocation per element
// Source    host/compute/kvstore.go; twin fallback/kvstore.go
#version 460
#include "include/cache.glsl"
#include "include/grid.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint K_F16 = 0;
layout(constant_id = 2) const uint V_F16 = 0;

layout(push_constant) uniform Params {
  F32In k;
  F32In v;
  uint64_t kCache;
  uint64_t vCache;
  U32In step;
  uint rows;
  uint kCols;
  uint vCols;
  uint pageSize;
};

void main() {
  uint i = foldedInvocation(WG), cols = kCols + vCols, r = i / cols, c = i % cols;
  if (r >= rows) return;
  uint slot = stepSlot(step, stepSeq(step, stepRowSeq(step, r)).pages, stepPos(step, r), pageSize);
  if (c < kCols) cacheStore(kCache, K_F16, slot, kCols, c, k.v[r * kCols + c]);
  else cacheStore(vCache, V_F16, slot, vCols, c - kCols, v.v[r * vCols + c - kCols]);
}
