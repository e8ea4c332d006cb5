// attention: what the attention kernels share: softmax attention of a block of queries over a range of keys, online, tile
// by tile, so that no queries x keys matrix ever lies in memory.
//
// The heads that share a KV head are packed: pair p of a tile of query rows is row p / group, head p % group of the KV
// head. A workgroup takes BR pairs and walks the keys BC at a time; WG / BR invocations (LANES) work on one pair.
//   s[j] = cap(scale q k[j]) + bias  m' = max(m, max_j s[j])        p[j] = exp(s[j] - m')
//   l' = l exp(m - m') + sum_j p[j]  o' = o exp(m - m') + sum_j p[j] v[j]
// Masked keys have p = 0 and are skipped, so that what lies in their values never matters. All state is f32.
// One tile of keys or values lies in shared memory, and the next one is on its way into registers: values while the scores of
// their keys are taken, the keys behind them while these values are summed.
// Shared memory, in bytes: 4 (BR (D + 1) + BC (max(D, DV) + 1) + 2 BR (BC + 1) + 2 BC)
// Sources: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018, algorithm 3; Dao et al.,
// FlashAttention, 2022, algorithm 1; Ainslie et al., GQA, 2023.
#ifndef ATTENTION_GLSL
#define ATTENTION_GLSL
#include "attention_params.glsl"
#include "cache.glsl"
#include "tanh.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128;    // invocations, a multiple of BR
layout(constant_id = 1) const uint BR = 16;     // pairs of (row, head)
layout(constant_id = 2) const uint BC = 16;     // keys of a tile
layout(constant_id = 3) const uint D = 64;      // head size of q and k
layout(constant_id = 4) const uint DV = 64;     // head size of v
layout(constant_id = 5) const uint K_TYPE = 0;  // of cache.glsl; in block types D and DV are multiples of 32
layout(constant_id = 6) const uint V_TYPE = 0;

const uint LANES = WG / BR;
const uint WIDTH = D > DV ? D : DV;
const uint PER_LANE = (DV + LANES - 1) / LANES;
const uint KEYS = (BC + LANES - 1) / LANES;               // of a tile whose scores an invocation takes
const uint EACH = (BC * ((WIDTH + 3) / 4) + WG - 1) / WG; // quads of a tile

shared float sq[BR * (D + 1)];
shared float skv[BC * (WIDTH + 1)];
shared float ss[BR * (BC + 1)];
shared float sp[BR * (BC + 1)];
shared uint slots[2 * BC]; // rows of the keys of this tile and the next

// The running maximum, sum and weighted values of a pair; every lane of the pair holds m and l, and the values at lane,
// lane + LANES, ... Globals, because no structure with an array of specialized size may be returned.
float runM = NEG, runL = 0.0, runO[PER_LANE];

vec4 ahead[EACH]; // this invocation's quads of the tile that is on its way

// fetch takes width columns from column from on of n rows of a cache, whose slots begin at at, and zeros for the others of the
// tile.
void fetch(uint64_t cache, const uint type, uint cols, uint from, const uint width, uint at, uint n) {
  const uint quads = (width + 3u) / 4u;
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint k = gl_LocalInvocationID.x + i * WG, j = k / quads, g = k % quads;
    ahead[i] = vec4(0);
    if (j >= n) continue;
    ahead[i] = cacheFour(cacheRow(cache, type, slots[at + j], cols), type, from, width, g, is(ALIGNED));
  }
}

// put puts what was fetched into shared memory.
void put(const uint type, const uint width) {
  const uint quads = (width + 3u) / 4u;
  [[unroll]] for (uint i = 0; i < EACH; i++) {
    uint k = gl_LocalInvocationID.x + i * WG, j = k / quads, g = k % quads;
    if (j >= BC) continue;
    uvec4 to = j * (WIDTH + 1u) + cacheColumns(type, g);
    [[unroll]] for (uint c = 0; c < 4u; c++) {
      if (width % 4u == 0u || 4u * g + c < width) skv[to[c]] = ahead[i][c];
    }
  }
}

// attend runs the workgroup's pairs, the first of which is pair0 of the rows from row on, over the keys [from, to).
void attend(Seq seq, uint row, uint count, uint pair0, uint kvHead, uint from, uint to) {
  uint t = gl_LocalInvocationID.x, r = t / LANES, lane = t % LANES;
  uint pairs = count * group, pair = pair0 + r;
  for (uint i = t; i < BR * D; i += WG) {
    uint p = pair0 + i / D, h = kvHead * group + p % group;
    sq[i / D * (D + 1u) + i % D] = p < pairs ? q.v[((row + p / group) * kvHeads * group + h) * D + i % D] : 0.0;
  }
  uvec2 visible = uvec2(0);
  uint pos = 0;
  if (pair < pairs) {
    pos = stepPos(step, row + pair / group);
    visible = keyRange(pos, seq.len, mask());
  }

  [[unroll]] for (uint i = 0; i < PER_LANE; i++) runO[i] = 0.0;

  if (t < BC && from + t < to) slots[t] = keySlot(seq, from + t);
  barrier(); // the slots of the first tile are known
  fetch(k, K_TYPE, kvHeads * D, kvHead * D, D, 0u, to > from ? min(BC, to - from) : 0u);
  for (uint j0 = from, now = 0u; j0 < to; j0 += BC, now = BC - now) {
    uint n = min(BC, to - j0), next = j0 + BC < to ? min(BC, to - j0 - BC) : 0u;
    barrier(); // the values and weights of the tile before are used up before this tile overwrites them
    put(K_TYPE, D);
    if (t < next) slots[BC - now + t] = keySlot(seq, j0 + BC + t);
    barrier(); // queries, keys and the slots of the next tile are there before they are read
    if (!is(LATENT)) fetch(v, V_TYPE, kvHeads * DV, kvHead * DV, DV, now, n);
    float sums[KEYS];
    [[unroll]] for (uint i = 0; i < KEYS; i++) sums[i] = 0.0;
    for (uint d = 0; d < D; d++) {
      float x = sq[r * (D + 1u) + d];
      [[unroll]] for (uint i = 0; i < KEYS; i++) {
        sums[i] = fma(x, skv[min(lane + i * LANES, BC - 1u) * (WIDTH + 1u) + d], sums[i]);
      }
    }
    [[unroll]] for (uint i = 0; i < KEYS; i++) {
      uint j = lane + i * LANES;
      if (j >= BC) continue;
      float s = sums[i] * scale;
      if (is(CAP)) s = softCap * tanhExact(s / softCap);
      if (is(BIASED)) {
        int far = clamp(int(j0 + j) - int(pos), -int(reach), int(reach)) + int(reach);
        s += bias.v[uint(far) * kvHeads * group + kvHead * group + pair % group];
      }
      ss[r * (BC + 1u) + j] = j0 + j >= visible.x && j0 + j < min(visible.y, to) ? s : NEG;
    }
    barrier(); // every score is written, and the keys are used up, before values overwrite them (unless they are the values)
    if (!is(LATENT)) put(V_TYPE, DV);
    float m = runM;
    for (uint j = 0; j < BC; j++) {
      float s = ss[r * (BC + 1u) + j];
      if (s > m) m = s; // max() is undefined where a score is no number, which its weight will be too
    }
    for (uint j = lane; j < BC; j += LANES) {
      bool seen = j0 + j >= visible.x && j0 + j < min(visible.y, to);
      sp[r * (BC + 1u) + j] = seen ? exp(ss[r * (BC + 1u) + j] - m) : 0.0;
    }
    fetch(k, K_TYPE, kvHeads * D, kvHead * D, D, BC - now, next);
    barrier(); // values and weights are staged before they are summed
    float fade = exp(runM - m);
    runM = m;
    runL *= fade;
    [[unroll]] for (uint i = 0; i < PER_LANE; i++) runO[i] *= fade;
    for (uint j = 0; j < n; j++) {
      float p = sp[r * (BC + 1u) + j];
      if (p == 0.0) continue;
      runL += p;
      [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
        uint d = lane + i * LANES;
        if (d < DV) runO[i] = fma(p, skv[j * (WIDTH + 1u) + d], runO[i]);
      }
    }
  }
}
#endif
