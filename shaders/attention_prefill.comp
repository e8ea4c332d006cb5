// attention_prefill: attention of tiles of up to 16 query rows of one sequence over all the keys they see.
//   formula, masks and the paging of keys: host/compute/attention.go; algorithm: include/attention.glsl
// Shapes    q [T, heads D], out [T, heads DV] f32; k, v rows of kvHeads D and kvHeads DV, of any type of cache.glsl
// Params    include/attention.glsl
// Spec      include/attention.glsl; splits is 1
// Grid      x: ceil(16 group / BR) blocks of pairs; y: KV heads; z: at least the step's tiles; the rest exits
// Shared    include/attention.glsl
// Source    include/attention.glsl; twin fallback/attention.go
#version 460
#include "include/attention.glsl"

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
  if (pair >= tile.count * group) return;
  uint head = kvHead * group + pair % group;
  float f = finish(runM, runL, head);
  uint at = ((tile.first + pair / group) * kvHeads * group + head) * DV;
  [[unroll]] for (uint i = 0; i < PER_LANE; i++) {
    uint d = lane + i * LANES;
    if (d < DV) o.v[at + d] = f * runO[i];
  }
}
