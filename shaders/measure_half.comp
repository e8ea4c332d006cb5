// measure_half: multiply-adds in half precision on registers only, independent chains of 2 per invocation, 64 fma
// a round: 256 rounds FLOP each, as each fma counts as two. Pairs, because that is how hardware packs halves.
// Params    address; rounds; a, b: x' = a x + b, chosen by the host so that values stay bounded and unknown to the compiler
// Spec      0 WG: 8 to 256; 1 CHAINS: 1, 2, 4, 8 or 16
// Grid      any in x
// Source    the usual peak loop; twin of measure_flops
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint CHAINS = 16;

layout(push_constant) uniform Params {
  F32Out o;
  uint rounds;
  float a;
  float b;
};

void main() {
  const uint last = CHAINS - 1u;
  f16vec2 x[16], a2 = f16vec2(a), b2 = f16vec2(b);
  [[unroll]] for (uint i = 0; i < CHAINS; i++) {
    x[i] = f16vec2(gl_LocalInvocationID.x) * float16_t(0.0078125) + float16_t(i) * f16vec2(0.25, 0.5);
  }
  for (uint r = 0; r < rounds; r++) {
    [[unroll]] for (uint i = 0; i < 64u; i++) x[i & last] = fma(x[i & last], a2, b2);
  }
  f16vec2 s = f16vec2(0);
  [[unroll]] for (uint i = 0; i < CHAINS; i++) s += x[i];
  o.v[gl_GlobalInvocationID.x] = float(s.x) + float(s.y);
}
