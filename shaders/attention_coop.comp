// attention_coop: attention of many query rows on matrix units: half precision factors, float32 scores, softmax and sums.
//   formula, masks and the paging of keys: host/compute/attention.go; packing of heads: include/attention.glsl
// A team of subgroups owns CM pairs of row and head from end to end, each member an equal share of the terms of scores and of
// the columns of values, as its registers hold them; teams of one meet nowhere. The workgroup's teams share tiles of BC keys and
// values, staged as halves. While one tile is used, the next one is loaded into registers; with STAGES 2 it has a place of its
// own to go to.
//   S = Q K^T by fragments, through the subgroups' slabs, which are added up, to where each invocation has its row; softmax
//   there, online; P = exp(s - m) goes back into the slab as halves; O = O fade + P V by fragments
// Queries are scaled by a power of two per row so that none overflows, weights by 2^14 so that few are subnormal. Keys and
// values beyond the range of half are its largest numbers; those that are no numbers are staged as zeros and noted, and make
// NaN of the pairs that see them and of no others (a weight of zero must meet no NaN). Only tiles that some pair of the subgroup
// does not see whole are masked. All subgroups walk the same tiles: barriers of a subgroup are those of the workgroup on some
// drivers.
// Shapes    q [T, heads D], out [T, heads DV] f32; k, v rows of kvHeads D and kvHeads DV, of any type of cache.glsl.
//           HALVES: out is what matmul_halves makes of it, for the multiplication behind it, and nothing else. Its scales are 1:
//           results lie between the smallest and the largest value, which are halves
// Params    include/attention_params.glsl
// Defines   ROLLED: no loop is unrolled, for compilers of CPUs, which take half a minute for heads of 128 otherwise
// Spec      0 WG = SGS subgroups of the size that is asked for, a multiple of CM   1 SGS   2 CM, 3 CN, 4 CK: fragment, of the
//           device's list; CK TEAM divides D, CN TEAM divides DV   5 BC: keys of a tile, a multiple of CN and CK, at most 64
//           6 D, 7 DV: multiples of 8   8 K_TYPE, 9 V_TYPE   10 STAGES: 1 or 2   11 WIDE: 1: rows lie at multiples of 16 bytes
//           12 TEAM: divides SGS   13 SAME: 1: values are the beginnings of their keys, read where these are staged   14 HALVES
// Grid      x: blocks of SGS / TEAM CM pairs; y: KV heads; z: at least the step's tiles. A workgroup takes as many tiles of rows
//           as give its teams work; those between exit
// Shared    2 STAGES BC (D + 8 + DV + 8) + 4 SGS CM (max(BC, BC / 2 + CN) + 4) + 8 BC + 4 WG + 24 bytes (DV in whole blocks;
//           with SAME values have 8 STAGES bytes)
// Order     terms by member, then ascending; keys ascending; f32
// Source    Dao, FlashAttention-2, 2023, section 3; Higham and Mary as matmul_halves; twin fallback/attention.go
#version 460
#pragma use_vulkan_memory_model
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/attention_params.glsl"
#include "include/cache.glsl"
#include "include/tanh.glsl"
#ifdef ROLLED
#define UNROLL [[dont_unroll]]
#else
#define UNROLL [[unroll]]
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128;
layout(constant_id = 1) const uint SGS = 4;
layout(constant_id = 2) const uint CM = 16;
layout(constant_id = 3) const uint CN = 16;
layout(constant_id = 4) const uint CK = 16;
layout(constant_id = 5) const uint BC = 32;
layout(constant_id = 6) const uint D = 64;
layout(constant_id = 7) const uint DV = 64;
layout(constant_id = 8) const uint K_TYPE = 1;
layout(constant_id = 9) const uint V_TYPE = 1;
layout(constant_id = 10) const uint STAGES = 2;
layout(constant_id = 11) const uint WIDE = 1;
layout(constant_id = 12) const uint TEAM = 1;
layout(constant_id = 13) const uint SAME = 0;
layout(constant_id = 14) const uint HALVES = 0;

const uint LANES = WG / SGS / CM;             // invocations of a pair
const uint PAIRS = SGS / TEAM * CM;           // of a workgroup
const uint DVS = SAME == 1 ? 0 : V_TYPE >= CACHE_Q8_0 ? (DV + 31) / 32 * 32 : DV;
const uint STRIDE_K = D / 4 + 2, STRIDE_V = DVS / 4 + 2; // of a row, in vectors of 4 halves; 8 halves more keep banks apart
const uint SIZE_K = BC * STRIDE_K, SIZE_V = SAME == 1 ? 1 : BC * STRIDE_V;
const uint EACH_K = (BC * D / 8 + WG - 1) / WG, EACH_V = (BC * DVS / 8 + WG - 1) / WG; // segments of 8 elements
const uint SLAB = (BC / 2 > CN ? BC : BC / 2 + CN) + 4; // of a row of the slab, in words
const uint TWOS = BC / 2 / LANES;             // neighbouring scores of an invocation
const uint FQ = D / CK / TEAM, FO = DV / CN / TEAM, FS = BC / CN;
const uint SICK = (BC + 31) / 32;
const float HALF_MAX = 65504.0, LIFT = 16384.0;

shared f16vec4 sk[STAGES * SIZE_K];
shared f16vec4 sv[STAGES * SIZE_V];
shared uint slab[SGS * CM * SLAB]; // scores as floats; then weights as pairs of halves and, from word BC / 2 on, fades as floats
shared uint slots[2 * BC];         // rows of the keys of this tile and the next
shared uint sick[3 * SICK];        // of the tile in use and two behind it: bit j: key j or its value is no number
shared float exchange[WG];

// What a subgroup's invocations wrote is there before they read it, and read before they overwrite it.
void subgroupSync() {
  controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
}

// teamSync does the same for a team.
void teamSync() {
  if (TEAM == 1) subgroupSync();
  else barrier(); // as above
}

// fours are two words of halves.
f16vec4 fours(uvec2 w) { return f16vec4(unpackFloat2x16(w.x), unpackFloat2x16(w.y)); }

uvec2 wordsOf(f16vec4 v) { return uvec2(packFloat2x16(v.xy), packFloat2x16(v.zw)); }

// halves are v, or its nearest numbers of half precision; four NaN where one of v is no number.
f16vec4 halves(vec4 v) {
  bool odd = any(greaterThanEqual(floatBitsToUint(v) & 0x7fffffffu, uvec4(0x7f800000u)));
  return odd ? fours(uvec2(0x7e007e00u)) : f16vec4(clamp(v, vec4(-HALF_MAX), vec4(HALF_MAX)));
}

// healed notes that a key, or its value, has elements that are no numbers, and makes zeros of them: a word's sums overflow into
// the signs where an exponent is all ones.
void healed(inout f16vec4 a, inout f16vec4 b, uint at, uint key) {
  uvec4 w = (uvec4(wordsOf(a), wordsOf(b)) & 0x7c007c00u) + 0x04000400u & 0x80008000u;
  if ((w.x | w.y | w.z | w.w) == 0u) return;
  a = b = f16vec4(0);
  atomicOr(sick[at * SICK + key / 32u], 1u << key % 32u);
}

// fetch is segment s of a row, from column from on: the 8 elements at placesOf.
void fetch(uint64_t row, const uint type, uint from, uint s, out f16vec4 a, out f16vec4 b) {
  uint c = from + 8u * s;
  if (cacheBlocks(type)) {
    uint g = from / 4u + (type == CACHE_Q8_0 ? 2u * s : s / 4u * 8u + s % 4u * 2u);
    vec4 x = cacheLoadQuad(row, type, g), y = cacheLoadQuad(row, type, g + 1u);
    a = halves(type == CACHE_Q8_0 ? x : vec4(x.xy, y.xy));
    b = halves(type == CACHE_Q8_0 ? y : vec4(x.zw, y.zw));
  } else if (WIDE == 0) {
    vec4 x, y;
    UNROLL for (uint i = 0; i < 4u; i++) {
      x[i] = cacheLoad(row, type, c + i);
      y[i] = cacheLoad(row, type, c + 4u + i);
    }
    a = halves(x);
    b = halves(y);
  } else if (type == CACHE_F32) {
    F32x4In v = F32x4In(row + 4ul * uint64_t(c));
    a = halves(v.v[0]);
    b = halves(v.v[1]);
  } else {
    uvec4 w = U32x4In(row + 2ul * uint64_t(c)).v[0];
    if (type == CACHE_BF16) {
      a = halves(uintBitsToFloat(uvec4(w.x << 16, w.x & 0xffff0000u, w.y << 16, w.y & 0xffff0000u)));
      b = halves(uintBitsToFloat(uvec4(w.z << 16, w.z & 0xffff0000u, w.w << 16, w.w & 0xffff0000u)));
    } else {
      a = fours(w.xy);
      b = fours(w.zw);
    }
  }
}

// placesOf are where the halves of segment s lie in a row in shared memory, in vectors of 4.
uvec2 placesOf(const uint type, uint s) {
  return type == CACHE_Q4_0 ? uvec2(s / 4u * 8u + s % 4u) + uvec2(0, 4) : uvec2(2u * s, 2u * s + 1u);
}

float nan() { return uintBitsToFloat(0x7fc00000u); }

// scoreOf finishes the score of a pair and key j.
float scoreOf(float s, uint j, uint pos, uint head) {
  if (is(CAP)) s = softCap * tanhExact(s / softCap);
  if (is(BIASED)) {
    int far = clamp(int(j) - int(pos), -int(reach), int(reach)) + int(reach);
    s += bias.v[uint(far) * kvHeads * group + head];
  }
  return s;
}

void main() {
  if (gl_WorkGroupID.z >= step.v[STEP_TILES]) return; // the whole workgroup
  Tile tile = stepTile(step, gl_WorkGroupID.z);
  Seq seq = stepSeq(step, tile.seq);
  uint joined = (PAIRS + STEP_TILE_ROWS * group - 1u) / (STEP_TILE_ROWS * group); // tiles of rows that give all subgroups work
  if ((tile.first - seq.first) / STEP_TILE_ROWS % joined != 0u) return; // another workgroup has it; the whole workgroup
  uint count = min(joined * STEP_TILE_ROWS, seq.first + seq.count - tile.first), pairs = count * group;
  uint pair0 = gl_WorkGroupID.x * PAIRS, kvHead = gl_WorkGroupID.y, heads = kvHeads * group;
  if (pair0 >= pairs) return; // the whole workgroup
  uint firstRow = pair0 / group, endRow = min((pair0 + PAIRS - 1u) / group + 1u, count);
  uvec2 keys = seen(tile.first + firstRow, endRow - firstRow, seq.len);
  uint tiles = keys.y > keys.x ? (keys.y - keys.x + BC - 1u) / BC : 0u;

  // This invocation's pair, and the keys that it and that every pair of the subgroup sees.
  uint t = gl_LocalInvocationID.x, lane = gl_SubgroupInvocationID, row = lane / LANES, part = lane % LANES;
  uint team = gl_SubgroupID / TEAM, member = gl_SubgroupID % TEAM;
  uint own0 = pair0 + team * CM, pair = own0 + row, base = gl_SubgroupID * CM * SLAB, line = base + row * SLAB;
  uint head = kvHead * group + pair % group, pos = 0u;
  uvec2 visible = uvec2(0), every = uvec2(0, 0xffffffffu);
  if (pair < pairs) {
    pos = stepPos(step, tile.first + pair / group);
    visible = keyRange(pos, seq.len, mask());
  }
  if (own0 < pairs) {
    uint end = min((own0 + CM - 1u) / group + 1u, count);
    for (uint r = own0 / group; r < end; r++) {
      uvec2 one = keyRange(stepPos(step, tile.first + r), seq.len, mask());
      every = uvec2(max(every.x, one.x), min(every.y, one.y));
    }
  }

  // Queries become fragments, scaled.
  uint qAt = ((tile.first + pair / group) * heads + head) * D;
  float largest = 0.0;
  if (pair < pairs) {
    for (uint d = part; d < D; d += LANES) largest = max(largest, abs(q.v[qAt + d]));
  }
  exchange[t] = largest;
  subgroupSync();
  for (uint i = 0; i < LANES; i++) largest = max(largest, exchange[t - part + i]);
  int shift = clamp(140 - int(floatBitsToUint(largest) >> 23), -126, 126);
  float up = uintBitsToFloat(uint(127 + shift) << 23), back = uintBitsToFloat(uint(127 - shift) << 23);
  coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> fq[FQ];
  UNROLL for (uint e = 0; e < FQ; e++) {
    uint from = qAt + (member * FQ + e) * CK;
    for (uint c = 2u * part; c < CK; c += 2u * LANES) {
      vec2 x = vec2(0);
      if (pair < pairs) x = vec2(q.v[from + c], q.v[from + c + 1u]) * up;
      slab[line + c / 2u] = packFloat2x16(f16vec2(x));
    }
    subgroupSync();
    coopMatLoad(fq[e], slab, base, SLAB, gl_CooperativeMatrixLayoutRowMajor);
    subgroupSync();
  }

  coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> fo[FO];
  UNROLL for (uint i = 0; i < FO; i++) fo[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
  float m = NEG, l = 0.0; // the pair's maximum; this invocation's part of its sum

  uint64_t values = is(LATENT) ? k : v;
  uint size = is(LATENT) ? D : DV;
  f16vec4 nk[2 * EACH_K], nv[2 * EACH_V + 1]; // one more: with SAME there are none
  if (t < 3u * SICK) sick[t] = 0u;
  if (t < BC && tiles > 0u) slots[t] = keySlot(seq, min(keys.x + t, keys.y - 1u));
  barrier(); // the slots of the first tile are known
  for (uint n = 0; n <= tiles && tiles > 0u; n++) {
    uint now = n % 2u, bits = n % 3u; // where this tile has its place
    if (n < tiles) { // loads of this tile are under way while the one before is used
      UNROLL for (uint i = 0; i < EACH_K; i++) {
        uint s = t + i * WG, j = s / (D / 8u);
        nk[2u * i] = nk[2u * i + 1u] = f16vec4(0);
        if (j >= BC || keys.x + n * BC + j >= keys.y) continue;
        uint64_t from = cacheRow(k, K_TYPE, slots[now * BC + j], kvHeads * D);
        fetch(from, K_TYPE, kvHead * D, s % (D / 8u), nk[2u * i], nk[2u * i + 1u]);
      }
      UNROLL for (uint i = 0; i < EACH_V; i++) {
        uint s = t + i * WG, j = s / (DVS / 8u);
        nv[2u * i] = nv[2u * i + 1u] = f16vec4(0); // past the last key too
        if (j >= BC || keys.x + n * BC + j >= keys.y) continue;
        uint64_t from = cacheRow(values, V_TYPE, slots[now * BC + j], kvHeads * size);
        fetch(from, V_TYPE, kvHead * size, s % (DVS / 8u), nv[2u * i], nv[2u * i + 1u]);
      }
      if (t < SICK) sick[(n + 1u) % 3u * SICK + t] = 0u; // which the tile before the last one had
      if (t < BC) slots[(1u - now) * BC + t] = keySlot(seq, min(keys.x + (n + 1u) * BC + t, keys.y - 1u));
    }
    if (n > 0u) {
      uint j0 = keys.x + (n - 1u) * BC, j1 = min(j0 + BC, keys.y);
      uint fromK = STAGES == 2 ? (1u - now) * SIZE_K : 0u, fromV = STAGES == 2 ? (1u - now) * SIZE_V : 0u;
      coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> fs[FS];
      UNROLL for (uint j = 0; j < FS; j++) fs[j] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
      UNROLL for (uint e = 0; e < FQ; e++) {
        uint column = (member * FQ + e) * CK / 4u;
        UNROLL for (uint j = 0; j < FS; j++) {
          coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b;
          coopMatLoad(b, sk, fromK + j * CN * STRIDE_K + column, STRIDE_K, gl_CooperativeMatrixLayoutColumnMajor);
          fs[j] = coopMatMulAdd(fq[e], b, fs[j]);
        }
      }
      UNROLL for (uint j = 0; j < FS; j++)
        coopMatStore(fs[j], slab, base + j * CN, SLAB, gl_CooperativeMatrixLayoutRowMajor);
      teamSync();

      bool whole = every.x <= j0 && j0 + BC <= every.y; // every pair sees every key of the tile
      uvec2 in_ = whole ? uvec2(0, 0xffffffffu) : uvec2(visible.x, min(visible.y, j1));
      uint last = (n - 1u) % 3u * SICK, low = sick[last], high = sick[last + SICK - 1u];
      vec2 s[TWOS];
      float top = m;
      UNROLL for (uint i = 0; i < TWOS; i++) {
        uint c = 2u * (part + i * LANES), j = j0 + c;
        s[i] = vec2(0);
        UNROLL for (uint w = 0; w < TEAM; w++) {
          uint at = line + (w - member) * CM * SLAB + c;
          s[i] += uintBitsToFloat(uvec2(slab[at], slab[at + 1u]));
        }
        s[i] *= back * scale;
        if (is(CAP | BIASED)) s[i] = vec2(scoreOf(s[i].x, j, pos, head), scoreOf(s[i].y, j + 1u, pos, head));
        uint odd = (c < 32u ? low : high) >> c % 32u;
        if ((odd & 1u) != 0u) s[i].x = nan();
        if ((odd & 2u) != 0u) s[i].y = nan();
        if (j >= in_.x && j < in_.y) top = max(top, s[i].x);
        if (j + 1u >= in_.x && j + 1u < in_.y) top = max(top, s[i].y);
      }
      exchange[t] = top;
      teamSync(); // and all scores are in registers
      for (uint i = 0; i < LANES; i++) top = max(top, exchange[t - part + i]);
      float fade = exp(m - top);
      m = top;
      l *= fade;
      UNROLL for (uint i = 0; i < TWOS; i++) {
        uint c = 2u * (part + i * LANES), j = j0 + c;
        vec2 p = vec2(0);
        if (j >= in_.x && j < in_.y) p.x = exp(s[i].x - m);
        if (j + 1u >= in_.x && j + 1u < in_.y) p.y = exp(s[i].y - m);
        l += p.x + p.y;
        slab[line + c / 2u] = packFloat2x16(f16vec2(p * LIFT));
      }
      for (uint c = part; c < CN; c += LANES) slab[line + BC / 2u + c] = floatBitsToUint(fade);
      subgroupSync();
      coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> ff;
      coopMatLoad(ff, slab, base + BC / 2u, SLAB, gl_CooperativeMatrixLayoutRowMajor);
      UNROLL for (uint i = 0; i < FO; i++) fo[i] = fo[i] * ff;
      UNROLL for (uint e = 0; e < BC / CK; e++) {
        coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a;
        coopMatLoad(a, slab, base + e * CK / 2u, SLAB, gl_CooperativeMatrixLayoutRowMajor);
        UNROLL for (uint i = 0; i < FO; i++) {
          coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b;
          uint column = (member * FO + i) * CN / 4u;
          if (SAME == 1) coopMatLoad(b, sk, fromK + e * CK * STRIDE_K + column, STRIDE_K, gl_CooperativeMatrixLayoutRowMajor);
          else coopMatLoad(b, sv, fromV + e * CK * STRIDE_V + column, STRIDE_V, gl_CooperativeMatrixLayoutRowMajor);
          fo[i] = coopMatMulAdd(a, b, fo[i]);
        }
      }
    }
    if (STAGES == 1) barrier(); // the tile is used up before the next one takes its place
    if (n < tiles) {
      uint toK = STAGES == 2 ? now * SIZE_K : 0u, toV = STAGES == 2 ? now * SIZE_V : 0u;
      UNROLL for (uint i = 0; i < EACH_K; i++) {
        uint s = t + i * WG, j = s / (D / 8u);
        uvec2 at = toK + j * STRIDE_K + placesOf(K_TYPE, s % (D / 8u));
        if (j < BC) {
          healed(nk[2u * i], nk[2u * i + 1u], bits, j);
          sk[at.x] = nk[2u * i];
          sk[at.y] = nk[2u * i + 1u];
        }
      }
      UNROLL for (uint i = 0; i < EACH_V; i++) {
        uint s = t + i * WG, j = s / (DVS / 8u);
        uvec2 at = toV + j * STRIDE_V + placesOf(V_TYPE, s % (DVS / 8u));
        if (j < BC) {
          healed(nv[2u * i], nv[2u * i + 1u], bits, j);
          sv[at.x] = nv[2u * i];
          sv[at.y] = nv[2u * i + 1u];
        }
      }
    }
    barrier(); // the tile and the slots of the next are staged, and what was there before is used up
  }

  // Sums leave fragment by fragment through the slab, where each invocation knows whose they are.
  exchange[t] = l;
  subgroupSync();
  l = 0.0;
  for (uint i = 0; i < LANES; i++) l += exchange[t - part + i];
  float f = pair < pairs ? finish(m, l, head) / LIFT : 0.0;
  uint r = tile.first + pair / group, oAt = (r * heads + head) * DV;
  if (HALVES == 1 && pair < pairs && head + part + member == 0u) o.v[step.v[STEP_TOKENS] * heads * DV / 2u + r] = 1.0;
  UNROLL for (uint i = 0; i < FO; i++) {
    coopMatStore(fo[i], slab, base, SLAB, gl_CooperativeMatrixLayoutRowMajor);
    subgroupSync();
    if (pair < pairs) {
      uint from = oAt + (member * FO + i) * CN;
      if (HALVES == 0) {
        for (uint c = part; c < CN; c += LANES) o.v[from + c] = uintBitsToFloat(slab[line + c]) * f;
      } else {
        for (uint c = 2u * part; c < CN; c += 2u * LANES) {
          vec2 x = uintBitsToFloat(uvec2(slab[line + c], slab[line + c + 1u])) * f;
          U32Out(uint64_t(o)).v[(from + c) / 2u] = wordsOf(halves(vec4(x, 0, 0))).x;
        }
      }
    }
    subgroupSync();
  }
}
