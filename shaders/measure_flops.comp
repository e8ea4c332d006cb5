// measure_flops: multiply-adds on registers only, independent chains of 4 per invocation, 32 fma
// a round, so that its own cost does not show: 256 rounds FLOP each, as each fma counts as two.
// Params    address; rounds; a, b: x' = a x + b, chosen by the host so that values stay bounded and unknown to the compiler
// Spec      0 WG: 8 to 256; 1 CHAINS: 1, 2, 4 or 8: enough to hide an fma's latency, few enough for the registers
// Grid      any in x
// Source    the usual peak loop
#version 460
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint CHAINS = 8;

layout(push_constant) uniform Params {
  F32Out o;
  uint rounds;
  float a;
  float b;
};

void main() {
  const uint last = CHAINS - 1u;
  vec4 x[8];
  [[unroll]] for (uint i = 0; i < CHAINS; i++) x[i] = vec4(gl_LocalInvocationID.x) + float(i) * vec4(0.25, 0.5, 0.75, 1.0);
  for (uint r = 0; r < rounds; r++) {
    [[unroll]] for (uint i = 0; i < 32u; i++) x[i & last] = fma(x[i & last], vec4(a), vec4(b));
  }
  vec4 s = vec4(0);
  [[unroll]] for (uint i = 0; i < CHAINS; i++) s += x[i];
  o.v[gl_GlobalInvocationID.x] = s.x + s.y + s.z + s.w;
}
