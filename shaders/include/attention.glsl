// attention: what the attention kernels share: softmax attention of a block of queries over a range of keys, online, tile
// by tile, so that no queries x keys matrix ever lies in memory.
//
// The heads that share a KV head are packed: pair p of a tile of query rows is row p / group, head p % group of the KV
// head. A workgroup takes BR pairs and walks the keys BC at a time; WG / BR invocations (LANES) work on one pair.
//   s[j] = cap(scale q k[j]) + bias  m' = max(m, max_j s[j])        p[j] = exp(s[j] - m')
//   l' = l exp(m - m') + sum_j p[j]  o' = o exp(m - m') + sum_j p[j] v[j]
// Masked keys have p = 0 and are skipped, so that what lies in their values never matters. All state is f32.
// Shared memory, in bytes: 4 (BR (D + 1) + BC (max(D, DV) + 1) + 2 BR (BC + 1) + BC)
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

shared float sq[BR * (D + 1)];
shared float skv[BC * (WIDTH + 1)];
shared float ss[BR * (BC + 1)];
shared float sp[BR * (BC + 1)];
shared uint slots[BC]; // row of each key of the tile

// The running maximum, sum and weighted values of a pair; every lane of the pair holds m and l, and the values at lane,
// lane + LANES, ... Globals, because no structure with an array of specialized size may be returned.
float runM = NEG, runL = 0.0, runO[PER_LANE];

// stage puts width columns from column from on of n rows of a cache into shared memory, and zeros in the other rows of the
// tile: four at a time where the type has blocks or rows are aligned, else element by element.
void stage(uint64_t cache, const uint type, uint cols, uint from, const uint width, uint n) {
  uint t = gl_LocalInvocationID.x;
  if (!cacheBlocks(type) && !(width % 4u == 0u && is(ALIGNED))) {
    for (uint i = t; i < BC * width; i += WG) {
      uint j = i / width, d = i % width;
      float x = 0.0;
      if (j < n) x = cacheLoad(cacheRow(cache, type, slots[j], cols), type, from + d);
      skv[j * (WIDTH + 1u) + d] = x;
    }
    return;
  }
  const uint quads = width / 4u;
  for (uint i = t; i < BC * quads; i += WG) {
    uint j = i / quads, g = i % quads;
    vec4 x = vec4(0);
    uvec2 at = uvec2(4u * g, 4u * g + 2u);
    if (cacheBlocks(type)) at = cachePlaces(type, g);
    if (j < n) {
      uint64_t row = cacheRow(cache, type, slots[j], cols);
      x = cacheBlocks(type) ? cacheLoadQuad(row, type, from / 4u + g) : cacheLoadFour(row, type, from / 4u + g);
    }
    at += j * (WIDTH + 1u);
    skv[at.x] = x.x;
    skv[at.x + 1u] = x.y;
    skv[at.y] = x.z;
    skv[at.y + 1u] = x.w;
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

  for (uint j0 = from; j0 < to; j0 += BC) {
    uint n = min(BC, to - j0);
    barrier(); // the values and weights of the tile before are used up before this tile overwrites them
    if (t < n) slots[t] = keySlot(seq, j0 + t);
    barrier(); // the slots are known before rows are read from them
    stage(k, K_TYPE, kvHeads * D, kvHead * D, D, n);
    barrier(); // queries and keys are staged before scores are taken
    for (uint j = lane; j < BC; j += LANES) {
      float s = 0.0;
      for (uint d = 0; d < D; d++) s = fma(sq[r * (D + 1u) + d], skv[j * (WIDTH + 1u) + d], s);
      s *= scale;
      if (is(CAP)) s = softCap * tanhExact(s / softCap);
      if (is(BIASED)) {
        int far = clamp(int(j0 + j) - int(pos), -int(reach), int(reach)) + int(reach);
        s += bias.v[uint(far) * kvHeads * group + kvHead * group + pair % group];
      }
      ss[r * (BC + 1u) + j] = j0 + j >= visible.x && j0 + j < min(visible.y, to) ? s : NEG;
    }
    barrier(); // every score is written, and the keys are used up, before values overwrite them (unless they are the values)
    if (!is(LATENT)) stage(v, V_TYPE, kvHeads * DV, kvHead * DV, DV, n);
    float m = runM;
    for (uint j = 0; j < BC; j++) m = max(m, ss[r * (BC + 1u) + j]);
    for (uint j = lane; j < BC; j += LANES) {
      bool seen = j0 + j >= visible.x && j0 + j < min(visible.y, to);
      sp[r * (BC + 1u) + j] = seen ? exp(ss[r * (BC + 1u) + j] - m) : 0.0;
    }
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
