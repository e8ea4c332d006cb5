// cache: the KV cache, in any of its types, addressed by row in 64 bits.
// Rows of block types are the bytes that a file would have, so that the host sees on a device what it sees everywhere:
// blocks of 34 (Q8_0) and 18 bytes (Q4_0), which are read and written as 16-bit words, all that their addresses are multiples
// of. A block is written by one invocation, because its scale comes from all of its 32 elements.
// Twins: host/compute/kvstore.go, fallback/quant.
#ifndef CACHE_GLSL
#define CACHE_GLSL
#include "half.glsl"
#include "memory.glsl"

// Values of the constants K_TYPE and V_TYPE.
const uint CACHE_F32 = 0u;
const uint CACHE_F16 = 1u;
const uint CACHE_BF16 = 2u;
const uint CACHE_Q8_0 = 3u;
const uint CACHE_Q4_0 = 4u;

bool cacheBlocks(uint type) { return type >= CACHE_Q8_0; }

// cacheUnit is the number of elements that one invocation stores.
uint cacheUnit(uint type) { return cacheBlocks(type) ? 32u : 1u; }

// cacheWords is the number of 16-bit words of a block.
uint cacheWords(uint type) { return type == CACHE_Q8_0 ? 17u : 9u; }

// cacheRow is the address of a row.
uint64_t cacheRow(uint64_t base, uint type, uint row, uint cols) {
  uint bytes = cacheBlocks(type) ? cols / 32u * 2u * cacheWords(type) : type == CACHE_F32 ? 4u * cols : 2u * cols;
  return base + uint64_t(row) * uint64_t(bytes);
}

// cacheStore: one element of a plain type.
void cacheStore(uint64_t base, uint type, uint row, uint cols, uint c, float v) {
  uint64_t at = cacheRow(base, type, row, cols);
  if (type == CACHE_F32) F32Out(at).v[c] = v;
  else U16Out(at).v[c] = uint16_t(type == CACHE_F16 ? floatToHalf(v) : floatToBfloat(v));
}

// cacheLoad: column c of the row at the address that cacheRow gave, of a plain type.
float cacheLoad(uint64_t row, uint type, uint c) {
  if (type == CACHE_F32) return F32In(row).v[c];
  uint h = uint(U16In(row).v[c]);
  return type == CACHE_F16 ? halfToFloat(h) : bfloatToFloat(h);
}

// cacheLoadFour: columns 4 g to 4 g + 3 of the row at the address that cacheRow gave, of a plain type whose rows lie at
// multiples of 16 bytes: one load.
vec4 cacheLoadFour(uint64_t row, uint type, uint g) {
  if (type == CACHE_F32) return F32x4In(row).v[g];
#ifdef GATHERED // rows of their own for all invocations of a subgroup: see parts/words.glsl
  uvec2 h = unpack32(U64In(row).v[g]);
#else
  uvec2 h = U32x2In(row).v[g];
#endif
  if (type == CACHE_F16) return vec4(unpackHalf2x16(h.x), unpackHalf2x16(h.y));
  return uintBitsToFloat(uvec4(h.x << 16, h.x & 0xffff0000u, h.y << 16, h.y & 0xffff0000u));
}

// cacheStoreBlock: block number block of a row, of a block type.
void cacheStoreBlock(uint64_t base, uint type, uint row, uint cols, uint block, float x[32]) {
  U16Out o = U16Out(cacheRow(base, type, row, cols) + 2ul * uint64_t(block * cacheWords(type)));
  float top = 0.0; // the element of largest magnitude, the first of equals
  for (uint i = 0; i < 32u; i++) {
    if (abs(x[i]) > abs(top)) top = x[i];
  }
  float d = type == CACHE_Q8_0 ? abs(top) / 127.0 : top * -0.125;
  o.v[0] = uint16_t(floatToHalf(d));
  float inverse = d == 0.0 ? 0.0 : 1.0 / d;
  if (type == CACHE_Q8_0) {
    for (uint i = 0; i < 16u; i++) {
      vec2 v = vec2(x[2u * i], x[2u * i + 1u]) * inverse;
      uvec2 q = uvec2(ivec2(sign(v) * floor(abs(v) + 0.5))) & 0xffu; // halves away from zero
      o.v[1u + i] = uint16_t(q.x | q.y << 8);
    }
  } else {
    for (uint i = 0; i < 8u; i++) {
      vec4 v = vec4(x[2u * i], x[2u * i + 1u], x[2u * i + 16u], x[2u * i + 17u]) * inverse + 8.5;
      uvec4 q = uvec4(clamp(v, 0.0, 15.0));
      o.v[1u + i] = uint16_t(q.x | q.z << 4 | q.y << 8 | q.w << 12);
    }
  }
}

// cachePlaces are the first columns of the two pairs that quad number g of a row of a block type holds.
uvec2 cachePlaces(uint type, uint g) {
  uint block = g / 8u * 32u;
  return type == CACHE_Q8_0 ? block + uvec2(4, 4) * (g % 8u) + uvec2(0, 2) : block + uvec2(2, 2) * (g % 8u) + uvec2(0, 16);
}

// cacheLoadQuad: the four elements of quad number g: those at cachePlaces and the ones behind them.
vec4 cacheLoadQuad(uint64_t row, uint type, uint g) {
  U16In block = U16In(row + 2ul * uint64_t(g / 8u * cacheWords(type)));
  float d = halfToFloat(uint(block.v[0]));
  uint i = g % 8u;
  if (type == CACHE_Q8_0) {
    uint w = uint(block.v[1u + 2u * i]) | uint(block.v[2u + 2u * i]) << 16;
    return d * vec4(ivec4(int(w)) << ivec4(24, 16, 8, 0) >> 24);
  }
  uint w = uint(block.v[1u + i]);
  return d * vec4(ivec4(uvec4(w, w >> 8, w >> 4, w >> 12) & 15u) - 8);
}

// cacheColumns are the columns of the four elements that cacheFour gives.
uvec4 cacheColumns(uint type, uint g) {
  uvec2 at = uvec2(4u * g, 4u * g + 2u);
  if (cacheBlocks(type)) at = cachePlaces(type, g);
  return uvec4(at.x, at.x + 1u, at.y, at.y + 1u);
}

// cacheFour: four of the width columns from column from on of the row at the address that cacheRow gave, zeros past the last:
// four at a time where the type has blocks or rows are aligned to 16 bytes, else element by element.
vec4 cacheFour(uint64_t row, const uint type, uint from, const uint width, uint g, bool aligned) {
  if (cacheBlocks(type)) return cacheLoadQuad(row, type, from / 4u + g);
  if (width % 4u == 0u && aligned) return cacheLoadFour(row, type, from / 4u + g);
  vec4 x = vec4(0);
  for (uint c = 0; c < min(4u, width - 4u * g); c++) x[c] = cacheLoad(row, type, from + 4u * g + c);
  return x;
}
#endif
