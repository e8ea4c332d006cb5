// kvstore: write the step's keys and values into their pages.
//   kCache[slot(t), :] = k[t, :]      vCache[slot(t), :] = v[t, :]      slot(t): include/step.glsl
// Shapes    k [rows, kCols], v [rows, vCols] f32; caches [pages * pageSize, kCols or vCols] of any type of
//           include/cache.glsl; in block types kCols and vCols are multiples of 32
// Params    addresses; rows; kCols, vCols in elements; pageSize in rows
// Spec      0 WG: 8 to 256   1 K_TYPE, 2 V_TYPE: types of include/cache.glsl
// Grid      ceil(rows (kCols / k + vCols / v) / WG), folded into y; one invocation per element, or per block of 32
//           where the type has blocks: k and v are cacheUnit of the types
// Source    host/compute/kvstore.go; twin fallback/kvstore.go
#version 460
#include "include/cache.glsl"
#include "include/grid.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint K_TYPE = 0;
layout(constant_id = 2) const uint V_TYPE = 0;

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

// keep stores unit c of row r of x.
void keep(uint64_t cache, const uint type, uint slot, uint cols, uint c, F32In x, uint r) {
  if (!cacheBlocks(type)) {
    cacheStore(cache, type, slot, cols, c, x.v[r * cols + c]);
    return;
  }
  float v[32];
  [[unroll]] for (uint e = 0; e < 32u; e++) v[e] = x.v[r * cols + 32u * c + e];
  cacheStoreBlock(cache, type, slot, cols, c, v);
}

void main() {
  uint ks = kCols / cacheUnit(K_TYPE), units = ks + vCols / cacheUnit(V_TYPE);
  uint i = foldedInvocation(WG), r = i / units, c = i % units;
  if (r >= rows) return;
  uint slot = stepSlot(step, stepSeq(step, stepRowSeq(step, r)).pages, stepPos(step, r), pageSize);
  if (c < ks) keep(kCache, K_TYPE, slot, kCols, c, k, r);
  else keep(vCache, V_TYPE, slot, vCols, c - ks, v, r);
}
