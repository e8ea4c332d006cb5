// matmul_experts_group: group the uses of experts by expert, for matmul_experts_tile.
//   order = the slots, those of expert 0 first, then those of expert 1, …
//   tiles = for each expert ceil(uses / size) times (expert, first place in order, places), then (0, 0, 0) up to maxTiles
// The slots of one expert come in no particular order: each is a column of its own in the product, so its sums do not depend
// on its place.
// Shapes    ids [slots] f32; order [slots] u32; tiles [maxTiles, 3] u32; maxTiles = floor(slots / size) + experts, or slots if
//           that is less: no schedule has more
// Params    addresses; slots; experts: at most 1024; size: slots of a tile
// Spec      0 WG: power of two, 8 to 256
// Grid      one workgroup
// Shared    4096 + 8 WG bytes
// Source    Gale et al., MegaBlocks, 2022, section 5.2 (the schedule is made where the router's picks are)
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;

layout(push_constant) uniform Params {
  F32In ids;
  U32Out order;
  U32Out tiles;
  uint slots;
  uint experts;
  uint size;
};

const uint MAX_EXPERTS = 1024;
shared uint next[MAX_EXPERTS]; // uses of each expert; then its next free place in order
shared uint places[WG];        // of the experts up to a lane's last
shared uint counts[WG];        // tiles, likewise

uint expertOf(uint slot) { return uint(clamp(ids.v[slot], 0.0, float(experts - 1u))); }

void main() {
  uint lane = gl_LocalInvocationID.x, maxTiles = min(slots / size + experts, slots);
  for (uint e = lane; e < experts; e += WG) next[e] = 0u;
  barrier(); // the counts are zero before any is raised
  for (uint s = lane; s < slots; s += WG) atomicAdd(next[expertOf(s)], 1u);
  barrier(); // every use is counted

  uint share = (experts + WG - 1u) / WG, from = min(lane * share, experts), to = min(from + share, experts);
  uint place = 0u, tile = 0u;
  for (uint e = from; e < to; e++) {
    place += next[e];
    tile += (next[e] + size - 1u) / size;
  }
  places[lane] = place;
  counts[lane] = tile;
  for (uint d = 1u; d < WG; d *= 2u) {
    barrier(); // the sums of the step before are written
    uint p = lane >= d ? places[lane - d] : 0u, c = lane >= d ? counts[lane - d] : 0u;
    barrier(); // and read by everyone before they change
    places[lane] += p;
    counts[lane] += c;
  }
  barrier(); // the last sums are written
  place = places[lane] - place;
  tile = counts[lane] - tile;
  for (uint e = from; e < to; e++) {
    uint uses = next[e];
    for (uint done = 0u; done < uses && tile < maxTiles; done += size) {
      tiles.v[3u * tile] = e;
      tiles.v[3u * tile + 1u] = place + done;
      tiles.v[3u * tile + 2u] = min(size, uses - done);
      tile++;
    }
    next[e] = place;
    place += uses;
  }
  for (uint t = counts[WG - 1u] + lane; t < maxTiles; t += WG) {
    tiles.v[3u * t] = 0u;
    tiles.v[3u * t + 1u] = 0u;
    tiles.v[3u * t + 2u] = 0u;
  }
  barrier(); // every expert's first place is known
  for (uint s = lane; s < slots; s += WG) order.v[atomicAdd(next[expertOf(s)], 1u)] = s;
}
