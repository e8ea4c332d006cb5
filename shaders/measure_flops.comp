// measure_flops: multiply-adds on registers only, eight independent chains of 4 per invocation: 64 rounds FLOP each, as
// each fma counts as two.
// Params    address; rounds; a, b: x' = a x + b, chosen by the host so that values stay bounded and unknown to the compiler
// Spec      0 WG: 8 to 256
// Grid      any in x
// Source    the usual peak loop
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;

layout(push_constant) uniform Params {
  F32Out o;
  uint rounds;
  float a;
  float b;
};

void main() {
  vec4 x[8];
  [[unroll]] for (uint i = 0; i < 8u; i++) x[i] = vec4(gl_LocalInvocationID.x) + float(i) * vec4(0.25, 0.5, 0.75, 1.0);
  for (uint r = 0; r < rounds; r++) {
    [[unroll]] for (uint i = 0; i < 8u; i++) x[i] = fma(x[i], vec4(a), vec4(b));
  }
  vec4 s = vec4(0);
  [[unroll]] for (uint i = 0; i < 8u; i++) s += x[i];
  o.v[gl_GlobalInvocationID.x] = s.x + s.y + s.z + s.w;
}
