// cache: one element of the KV cache, f32 or binary16, addressed by row in 64 bits.
#ifndef CACHE_GLSL
#define CACHE_GLSL
#include "half.glsl"
#include "memory.glsl"

void cacheStore(uint64_t base, uint isHalf, uint row, uint cols, uint c, float v) {
  uint64_t at = uint64_t(row) * uint64_t(cols);
  if (isHalf == 1u) U16Out(base + 2ul * at).v[c] = uint16_t(floatToHalf(v));
  else F32Out(base + 4ul * at).v[c] = v;
}

// cacheLoad: column c of the row at the address that cacheRow gave.
uint64_t cacheRow(uint64_t base, uint isHalf, uint row, uint cols) {
  return base + (isHalf == 1u ? 2ul : 4ul) * (uint64_t(row) * uint64_t(cols));
}
float cacheLoad(uint64_t row, uint isHalf, uint c) {
  return isHalf == 1u ? halfToFloat(uint(U16In(row).v[c])) : F32In(row).v[c];
}
#endif
