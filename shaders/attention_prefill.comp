// attention_prefill: attention of tiles of up to 16 query rows of one sequence over all the keys they see.
//   formula, masks and the paging of keys: host/compute/attention.go; algorithm: include/attention.glsl
// QUANTIZE (attention_quantize): out leaves in blocks of 32 signed bytes with a scale, and in no other form, for the
// multiplication behind it; D is at least 32 and DV a multiple of 32.
// Shapes    q [T, heads D], out [T, heads DV] f32, or as include/blocks.glsl has it; k, v rows of kvHeads D and kvHeads DV, of
//           any type of cache.glsl
// Params    include/attention.glsl
// Spec      include/attention.glsl; splits is 1
// Grid      x: ceil(16 group / BR) blocks of pairs; y: KV heads; z: at least the step's tiles; the rest exits
// Shared    include/attention.glsl
// Source    include/attention.glsl; twin fallback/attention.go
#version 460
#include "include/attention.glsl"
#ifdef QUANTIZE
#include "include/blocks.glsl"

// quantize stores the results of the workgroup's pairs. They meet where the queries were, as many blocks of a row as there is
// room for.
void quantize(uint row, uint pairs, uint pair0, uint kvHead, float f) {
  const uint columns = D / 32u * 32u;
  uint t = gl_LocalInvocationID.x, r = t / LANES, lane = t % LANES, heads = kvHeads * group;
  for (uint c0 = 0u; c0 < DV; c0 += columns) {
    barrier(); // queries, and the columns before, are used up before these take their place
    [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
      uint d = lane + i * LANES - c0; // what lies before c0 becomes large
      if (d < min(columns, DV - c0)) sq[r * (D + 1u) + d] = f * runO[i];
    }
    barrier(); // all elements of a block are there before its scale is taken
    uint blocks = min(columns, DV - c0) / 32u;
    for (uint i = t; i < BR * blocks && pair0 + i / blocks < pairs; i += WG) {
      uint pair = pair0 + i / blocks, b = i % blocks, from = i / blocks * (D + 1u) + 32u * b;
      uint at = (row + pair / group) * heads + kvHead * group + pair % group;
      vec4 x[8];
      [[unroll]] for (uint j = 0; j < 8u; j++) {
        uint four = from + 4u * j;
        x[j] = vec4(sq[four], sq[four + 1u], sq[four + 2u], sq[four + 3u]);
      }
      storeBlock(uint64_t(o), at * (DV / 32u) + c0 / 32u + b, step.v[STEP_TOKENS] * heads * (DV / 32u), x);
    }
  }
}
#endif

void main() {
  if (gl_WorkGroupID.z >= step.v[STEP_TILES]) return; // the whole workgroup
  Tile tile = stepTile(step, gl_WorkGroupID.z);
  uint kvHead = gl_WorkGroupID.y, pair0 = gl_WorkGroupID.x * BR;
  if (pair0 >= tile.count * group) return; // the whole workgroup
  Seq seq = stepSeq(step, tile.seq);
  uint firstRow = pair0 / group, endRow = min((pair0 + BR - 1u) / group + 1u, tile.count);
  uvec2 keys = seen(tile.first + firstRow, endRow - firstRow, seq.len);

  attend(seq, tile.first, tile.count, pair0, kvHead, keys.x, keys.y);

  uint r = gl_LocalInvocationID.x / LANES, lane = gl_LocalInvocationID.x % LANES, pair = pair0 + r;
  uint head = kvHead * group + pair % group;
  float f = finish(runM, runL, head);
#ifdef QUANTIZE
  quantize(tile.first, tile.count * group, pair0, kvHead, f);
#else
  if (pair >= tile.count * group) return;
  uint at = ((tile.first + pair / group) * kvHeads * group + head) * DV;
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = lane + i * LANES;
    if (d < DV) o.v[at + d] = f * runO[i];
  }
#endif
}
