// embed: look up the row of each token, decode and scale it.   out[t,c] = scale * table[token[t], c]
//   POSITIONS: of each position   out[t,c] = scale * table[pos[t], c]
// Shapes    table [vocabulary or positions, cols] in the format of the manifest's define; out [rows, cols] f32
// Params    addresses; rows; cols in elements; rowBytes from row to row of the table; scale
// Spec      0 WG: 8 to 256   1 POSITIONS: 1 looks up positions
// Grid      ceil(rows ceil(cols / 8) / WG), folded into y; one invocation per segment of 8 elements
// Tails     the last segment of a row that is no multiple of 8 (plain formats only) element by element
// Source    host/compute/embed.go; twin fallback/embed.go
#version 460
#include "include/format.glsl"
#include "include/grid.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint POSITIONS = 0;

layout(push_constant) uniform Params {
  Row table;
  F32Out o;
  U32In step;
#ifdef CODEBOOK
  U32In codebook;
#endif
  uint rows;
  uint cols;
  uint rowBytes;
  float scale_;
};

void main() {
  beginFormat(cols);
  uint i = foldedInvocation(WG), segs = (cols + 7u) / 8u, r = i / segs, s = i % segs;
  if (r >= rows) return;
  Row row = rowAt(table, POSITIONS == 1 ? stepPos(step, r) : stepToken(step, r), rowBytes);
  uint at = r * cols + 8u * s;
  if (8u * s + 8u <= cols) {
    vec4 a, b;
    decode8(row, s, a, b);
    [[unroll]] for (uint j = 0; j < 4u; j++) {
      o.v[at + j] = scale_ * a[j];
      o.v[at + 4u + j] = scale_ * b[j];
    }
  }
#if BLOCK_LEN == 1
  else {
    for (uint c = 8u * s; c < cols; c++) o.v[r * cols + c] = scale_ * decode1(row, c);
  }
#endif
}
