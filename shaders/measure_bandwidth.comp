// measure_bandwidth: stream a buffer through the device once; the sum is written so that nothing is optimised away.
// Shapes    src: count vectors of 4 f32, 16-byte aligned; out: one f32 per invocation
// Params    addresses; count in vectors; lanes: how many invocations walk a piece of src together, neighbours reading neighbours
// Spec      0 WG: 1 to 256; 1 ALIKE: 1: all invocations of a workgroup read the same vectors, each workgroup a piece of its own
// Grid      any in x, with lanes dividing its invocations; src is cut into equal pieces, four loads of each are in flight
//           lanes of the whole grid suit hardware, lanes of a subgroup suit a CPU, whose cores like to walk through memory
// Source    McCalpin, STREAM, 1995, the read half of it
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint ALIKE = 0;

layout(push_constant) uniform Params {
  F32x4In src;
  F32Out o;
  uint count;
  uint lanes;
};

void main() {
  uint pieces = gl_NumWorkGroups.x, piece = gl_WorkGroupID.x, lane = 0u, stride = 1u;
  if (ALIKE == 0u) {
    pieces = gl_NumWorkGroups.x * WG / lanes;
    piece = gl_GlobalInvocationID.x / lanes;
    lane = gl_GlobalInvocationID.x % lanes;
    stride = lanes;
  }
  uint size = (count + pieces - 1u) / pieces, end = min(piece * size + size, count), i = piece * size + lane;
  vec4 s = vec4(0);
  for (; i + 3u * stride < end; i += 4u * stride) {
    vec4 a = src.v[i], b = src.v[i + stride], c = src.v[i + 2u * stride], d = src.v[i + 3u * stride];
    s += (a + b) + (c + d);
  }
  for (; i < end; i += stride) s += src.v[i];
  o.v[gl_GlobalInvocationID.x] = s.x + s.y + s.z + s.w;
}
