// split: how workgroups of tiled multiplications share out the results, and K where the results are too few for the device. To
// be included behind matmul.glsl and the constants MATS, PAIR, BIAS, RESIDUAL and
//   PIECES  of K: each is summed by a workgroup of its own, and matmul_join adds them up. 1: whole sums
// With pieces, o0, o1 and o2 are the places of each matrix in [PIECES, rows, width] f32, width being the columns of all
// matrices, for PAIR those of the gate, then those of the up projection.
#ifndef SPLIT_GLSL
#define SPLIT_GLSL

struct Tile {
  uint block; // of weight rows
  uint rows;  // number of the tile of rows of x
  uint piece; // of K
};

// tileOf is this workgroup's tile. Workgroups run in the order of their numbers, so that neighbours share panels in the cache:
// super-rows of `high` tiles are walked column by column.
Tile tileOf(uint high) {
  uint blocks = gl_NumWorkGroups.x * gl_NumWorkGroups.y, tiles = gl_NumWorkGroups.z / PIECES;
  uint id = foldedWorkgroup() + gl_WorkGroupID.z % tiles * blocks, first = id / (blocks * high) * high;
  uint height = min(high, tiles - first), i = id % (blocks * high);
  return Tile(i / height, first + i % height, gl_WorkGroupID.z / tiles);
}

// spanOf are the elements of k of a piece, in whole panels of bk: the first, and the end, which may lie beyond k.
uvec2 spanOf(uint piece, uint bk) {
  uint panels = (k + bk - 1u) / bk;
  return bk * uvec2(panels * piece / PIECES, panels * (piece + 1u) / PIECES);
}

// finished is the result of the whole sums of row n of matrix m, or of a pair of those, with row r of x.
float finished(Matrix m, uint n, uint r, float t, float up) {
  if ((BIAS >> m.index & 1u) != 0u) t += m.bias.v[n];
  if (PAIR == 1) {
    if ((BIAS & 2u) != 0u) up += b1.v[n];
    t = silu(t) * up;
  }
  if (RESIDUAL == 1) t += residual.v[r * m.n + n];
  return t;
}

// finish takes the sums of row n of matrix m, or of a pair of those, with row r of x.
void finish(Matrix m, uint n, uint r, uint piece, float t, float up) {
  if (PIECES > 1u) {
    uint at = (piece * rows + r) * (PAIR == 1 ? 2u * n0 : n0 + n1 + n2) + n;
    m.o.v[at] = t;
    if (PAIR == 1) m.o.v[at + n0] = up;
    return;
  }
  m.o.v[r * m.n + n] = finished(m, n, r, t, up);
}
#endif
