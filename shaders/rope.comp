// rope: rotate the first rot elements of every head by the angles of the row's position (include/rope.glsl).
// Shapes    x, out [rows, heads * dim] f32; table [positions, rot] f32: cos and sin of pair i at columns 2i and 2i+1;
//           out does not alias x; longTable like table, for rows of sequences of more than longFrom keys
// Params    addresses; rows; cols = heads * dim; dim, rot in elements; pairing 0 adjacent, 1 halves; longFrom in keys
// Spec      0 WG: 8 to 256   1 LONG: 1 when there is a longTable
// Grid      ceil(rows cols / WG), folded into y; one invocation per element of out
// Source    Su et al., RoFormer, 2021, section 3.4.2; twin fallback/rope.go
#version 460
#include "include/grid.glsl"
#include "include/rope.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint LONG = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In table;
  F32In longTable;
  F32Out o;
  U32In step;
  uint rows;
  uint cols;
  uint dim;
  uint rot;
  uint pairing;
  uint longFrom;
};

void main() {
  uint i = foldedInvocation(WG), r = i / cols;
  if (r >= rows) return;
  uint e = i % cols % dim;
  F32In angles = table;
  if (LONG == 1) angles = anglesOf(table, longTable, longFrom, stepSeq(step, stepRowSeq(step, r)).until);
  o.v[i] = rotated(x, angles, i - e, e, rot, pairing, stepPos(step, r));
}
