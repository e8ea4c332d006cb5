// experts: tiles of the rows that use the same expert: which weights and rows of x a tile has, and what becomes of its sums.
// To be included behind experts_params.glsl, the constants PAIR, BIAS, X_PER_SLOT and FN, and what multiplies the tile with its
// constants WG, BM and BN (coop.glsl, half_tile.glsl, int8.glsl).
// Shared    4 BN bytes
#ifndef EXPERTS_GLSL
#define EXPERTS_GLSL

shared uint slotOf[BN];
uint first, expert, have;

// beginTile finds the workgroup's tile in the schedule of matmul_experts_group. False where it has none: for all of it.
bool beginTile() {
  uint z = 3u * gl_WorkGroupID.z;
  first = foldedWorkgroup() * BM;
  expert = tiles.v[z];
  have = tiles.v[z + 2u];
  if (first >= n || have == 0u) return false; // the fold's tail, or a tile that the schedule did not need
  for (uint c = gl_LocalInvocationID.x; c < have; c += WG) slotOf[c] = order.v[tiles.v[z + 1u] + c];
  barrier(); // the slots are known before their rows are staged
  return true;
}

// Rows of x, and the one of a slot.
uint xRows() { return X_PER_SLOT == 1 ? slots : slots / used; }

uint xOf(uint slot) { return X_PER_SLOT == 1 ? slot : slot / used; }

bool weightsAt(uint row, out Row r) {
  uint i = first + row % BM;
  r = rowAt(row < BM ? w : w1, expert * n + i, rowBytes);
  return i < n;
}

bool xAt(uint c, out uint r) {
  r = c < have ? xOf(slotOf[c]) : 0u;
  return c < have;
}

bool has(uint row) { return first + row < n; }

// finished is the result of weight row `row` of the tile from its sums.
float finished(uint row, float t, float up) {
  uint at = expert * n + first + row;
  if ((BIAS & 1u) != 0u) t += bias.v[at];
  if (PAIR == 1) {
    if ((BIAS & 2u) != 0u) up += b1.v[at];
    t = gated(FN, t, up);
  }
  return t;
}
#endif
