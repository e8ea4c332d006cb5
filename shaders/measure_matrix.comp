// measure_matrix: products of cooperative matrices on registers only, four independent sums per subgroup: 8 M N K rounds
// operations each, as each multiplication and each addition counts as one.
//   C_i' = A_(i mod 2) B_(i div 2) + C_i, i = 0 to 3
// Types     by define: TYPES_HALF half × half → half, TYPES_FLOAT half × half → float32, TYPES_INT8 int8 × int8 → int32
// Shapes    out: one f32 per invocation; subgroups: one uint, how many subgroups a workgroup really had
// Params    addresses; rounds; a, b: what the elements of A and B are, chosen by the host and so unknown to the compiler
// Spec      0 WG: a multiple of the subgroup's size; 1 M, 2 N, 3 K: a shape that the device lists for these types
//           4 VARY: 1: A changes every round, where a compiler that knows what a matrix is made of took A B out of the loop
// Grid      any in x
// Source    the usual peak loop; GL_KHR_cooperative_matrix
#version 460
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require
#pragma use_vulkan_memory_model
#include "include/memory.glsl"

#if defined(TYPES_INT8)
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int32 : require
#define FACTOR int8_t
#define SUM int32_t
#else
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define FACTOR float16_t
#if defined(TYPES_HALF)
#define SUM float16_t
#elif defined(TYPES_FLOAT)
#define SUM float
#else
#error no types
#endif
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128;
layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(constant_id = 4) const uint VARY = 0;

layout(push_constant) uniform Params {
  F32Out o;
  U32Out subgroups;
  uint rounds;
  float a;
  float b;
  float one; // 1, unknown to the compiler
};

void main() {
  coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> fa[2];
  coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> fb[2];
  coopmat<SUM, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[4];
  [[unroll]] for (uint i = 0; i < 2u; i++) {
    fa[i] = coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA>(FACTOR(a + float(i)));
    fb[i] = coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB>(FACTOR(b - float(i)));
  }
  [[unroll]] for (uint i = 0; i < 4u; i++) sums[i] = coopmat<SUM, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(SUM(i));
  for (uint r = 0; r < rounds; r++) {
    if (VARY != 0u) {
      [[unroll]] for (uint i = 0; i < 2u; i++) fa[i] = fa[i] * FACTOR(one);
    }
    [[unroll]] for (uint i = 0; i < 4u; i++) sums[i] = coopMatMulAdd(fa[i & 1u], fb[i >> 1u], sums[i]);
  }
  float s = 0.0;
  [[unroll]] for (uint i = 0; i < 4u; i++) {
    for (int e = 0; e < sums[i].length(); e++) s += float(sums[i][e]);
  }
  o.v[gl_GlobalInvocationID.x] = s;
  if (gl_GlobalInvocationID.x == 0u) subgroups.v[0] = gl_NumSubgroups;
}
