// measure_bandwidth: stream a buffer through the device once; the sum is written so that nothing is optimised away.
// Shapes    src: count vectors of 4 f32, 16-byte aligned; out: one f32 per invocation
// Params    addresses; count in vectors
// Spec      0 WG: 8 to 256
// Grid      any in x; invocations stride over src, neighbours reading neighbours, four loads in flight
// Source    McCalpin, STREAM, 1995, the read half of it
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;

layout(push_constant) uniform Params {
  F32x4In src;
  F32Out o;
  uint count;
};

void main() {
  uint stride = gl_NumWorkGroups.x * WG, i = gl_GlobalInvocationID.x;
  vec4 s = vec4(0);
  for (; i + 3u * stride < count; i += 4u * stride) {
    vec4 a = src.v[i], b = src.v[i + stride], c = src.v[i + 2u * stride], d = src.v[i + 3u * stride];
    s += (a + b) + (c + d);
  }
  for (; i < count; i += stride) s += src.v[i];
  o.v[gl_GlobalInvocationID.x] = s.x + s.y + s.z + s.w;
}
