// measure_dot: dot products of four packed signed bytes on registers only, independent chains per invocation, 64 a
// round: 512 rounds operations each, as each of the four multiplications counts as one and each addition as another.
//   x' = dot(x's bytes, b's bytes) + c
// Params    address; rounds; b, c: chosen by the host, so that they are unknown to the compiler
// Spec      0 WG: 8 to 256; 1 CHAINS: 1, 2, 4, 8 or 16
// Grid      any in x
// Source    the usual peak loop; SPV_KHR_integer_dot_product
#version 460
#extension GL_EXT_integer_dot_product : require
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint CHAINS = 16;

layout(push_constant) uniform Params {
  F32Out o;
  uint rounds;
  int b;
  int c;
};

void main() {
  const uint last = CHAINS - 1u;
  int x[16];
  [[unroll]] for (uint i = 0; i < CHAINS; i++) x[i] = int(gl_LocalInvocationID.x * 16u + i);
  // The product depends on the round before: one of fixed factors would be taken out of the loop.
  for (uint r = 0; r < rounds; r++) {
    [[unroll]] for (uint i = 0; i < 64u; i++) x[i & last] = dotPacked4x8EXT(x[i & last], b) + c;
  }
  int s = 0;
  [[unroll]] for (uint i = 0; i < CHAINS; i++) s ^= x[i];
  o.v[gl_GlobalInvocationID.x] = float(s);
}
