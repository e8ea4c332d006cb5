// matmul_coop2: multiply many rows of activations by a weight matrix on matrices that a whole workgroup owns: half precision
// factors, float32 sums, or with HALF_SUMS sums in half precision that are added to float32 sums every FOLD elements. The driver
// divides the matrices among subgroups and stages them: weights are decoded, element by element, as their matrix is loaded.
//   out[r,n] = sum_k x[r,k] w[n,k] + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = silu(sum_k x[r,k] w0[n,k] + b0[n]) (sum_k x[r,k] w1[n,k] + b1[n])
// Never run on hardware yet: on emulated devices only. With PARTS, the same code runs on drivers that have only matrices of a
// subgroup, of any size, and functions of their elements: loads are such functions then. That is for tests.
// Shapes    as matmul_coop
// Params    include/matmul.glsl
// Spec      0 WG: of the device's list; with PARTS a subgroup   1 BM, 2 BN: tile, and 3 BK: panel, multiples of the list's sizes
//           4 MATS, 5 PAIR, 6 BIAS, 7 RESIDUAL: as matmul_vec   8 SUPER: tiles of a super-row
//           9, or 10 behind 9 FOLD, a multiple of BK, with HALF_SUMS, PIECES: include/split.glsl
// Grid      x, y: sum over matrices of ceil(n / BM), folded; z: ceil(rows / BN) PIECES; tiles are taken in super-rows
// Tails     tiles at an edge load zeros past n, rows and k, nothing is stored there; others load without looking
// Layouts   a row of weights is one block of a tensor [n, 1], so that the decoder gets the row's address and the element's
//           number; matrices begin at multiples of 16 bytes, rows lie rowBytes apart
// Order     k ascending in steps of BK, in the device's order within, f32, or FOLD elements in f16 and those in f32
// Source    GL_NV_cooperative_matrix2, SPV_NV_tensor_addressing; twins fallback/matmul.go and others
#version 460
#pragma use_vulkan_memory_model
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "include/matmul.glsl"
#include "include/one.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint BM = 128;
layout(constant_id = 2) const uint BN = 128;
layout(constant_id = 3) const uint BK = 64;
layout(constant_id = 4) const uint MATS = 1;
layout(constant_id = 5) const uint PAIR = 0;
layout(constant_id = 6) const uint BIAS = 0;
layout(constant_id = 7) const uint RESIDUAL = 0;
layout(constant_id = 8) const uint SUPER = 8;
#ifdef HALF_SUMS
layout(constant_id = 9) const uint FOLD = 256;
layout(constant_id = 10) const uint PIECES = 1;
#define SUM float16_t
#else
layout(constant_id = 9) const uint PIECES = 1;
#define SUM float
#endif
#include "include/split.glsl"

#ifdef PARTS
#define SCOPE gl_ScopeSubgroup
#else
#define SCOPE gl_ScopeWorkgroup
#endif
#define SUMS(T) coopmat<T, SCOPE, BM, BN, gl_MatrixUseAccumulator>

layout(buffer_reference, std430, buffer_reference_align = 4) restrict readonly buffer WordIn { uint word; };
layout(buffer_reference, std430, buffer_reference_align = 16) restrict readonly buffer HalvesIn { float16_t v[]; };

const uint SETS = 1 + PAIR;
const uint WHOLE_ROW = 1u << 24; // elements of a block: more than a row has, and a power of two
const float HALF_MAX = 65504.0;

// weightOf is element at[1] of a row.
float16_t weightOf(const in WordIn row, const in uint block[2], const in uint at[2]) {
  beginFormat(k); // here too: what decoders need is then this function's own
  return float16_t(clamp(decodeOne(Row(uint64_t(row)), at[1]), -HALF_MAX, HALF_MAX));
}

// finishOne takes sum [i, j] of a tile, or of a pair of those.
float finishOne(const in uint i, const in uint j, const in float sum, const in float upSum, const in uint block,
                const in uint firstR, const in uint piece) {
  Matrix m = matrixOf(block, BM, MATS);
  uint n = m.first + i, r = firstR + j;
  if (n < m.n && r < rows) {
    float scale = F32In(uint64_t(x) + 2ul * rows * ((k + 7u) / 8u * 8u)).v[r];
    finish(m, n, r, piece, sum * scale, upSum * scale);
  }
  return sum;
}

#ifdef PARTS
// weightAt is element [i, j] of a panel of weights, and xAt that of one of x, as the tensors' layouts have it at an edge.
float16_t weightAt(const in uint i, const in uint j, const in float16_t old, const in Row w, const in uint n,
                   const in uint first, const in uint k0) {
  uint row[2] = {first + i, 0u}, at[2] = {0u, k0 + j};
  if (row[0] >= n || at[1] >= k) return float16_t(0);
  return weightOf(WordIn(uint64_t(rowAt(w, row[0], rowBytes))), row, at);
}

float16_t xAt(const in uint i, const in uint j, const in float16_t old, const in uint firstR, const in uint k0) {
  uint r = firstR + j, e = k0 + i, padded = (k + 7u) / 8u * 8u;
  return r < rows && e < padded ? HalvesIn(uint64_t(x)).v[r * padded + e] : float16_t(0);
}
#define BEGIN_LOADS(MODE)
#define LOAD_W(a, matrix) coopMatPerElementNV(a, a, weightAt, matrix, m.n, m.first, k0)
#define LOAD_X(b) coopMatPerElementNV(b, b, xAt, firstR, k0)
#else
// Tensors: weights as rows of words, the activations' padded rows of halves.
#define BEGIN_LOADS(MODE) \
  tensorLayoutNV<2, MODE> inW = createTensorLayoutNV(2, MODE), inX = createTensorLayoutNV(2, MODE); \
  inW = setTensorLayoutDimensionNV(setTensorLayoutBlockSizeNV(inW, 1, WHOLE_ROW), m.n, k); \
  inW = setTensorLayoutStrideNV(inW, rowBytes / 4u, 1); \
  inX = setTensorLayoutDimensionNV(inX, rows, (k + 7u) / 8u * 8u); \
  tensorViewNV<2, false, 1, 0> turned = createTensorViewNV(2, false, 1, 0);
#define LOAD_W(a, matrix) \
  coopMatLoadTensorNV(a, U32In(uint64_t(matrix)).v, 0, sliceTensorLayoutNV(inW, m.first, BM, k0, BK), weightOf)
#define LOAD_X(b) \
  coopMatLoadTensorNV(b, HalvesIn(uint64_t(x)).v, 0, sliceTensorLayoutNV(inX, firstR, BN, k0, BK), turned)
#endif

#ifdef HALF_SUMS
#define ADD_FOLDED \
  if ((k0 + BK - span.x) % FOLD == 0u || k0 + BK >= span.y) { \
    [[unroll]] for (uint s = 0; s < SETS; s++) { \
      sums[s] += SUMS(float)(acc[s]); \
      acc[s] = SUMS(SUM)(0.0); \
    } \
  }
#else
#define ADD_FOLDED
#define sums acc
#endif

// ADD_UP adds the panels of a tile; MODE is what loads do past an edge.
#define ADD_UP(MODE) { \
  BEGIN_LOADS(MODE) \
  for (uint k0 = span.x; k0 < span.y; k0 += BK) { \
    coopmat<float16_t, SCOPE, BK, BN, gl_MatrixUseB> b = coopmat<float16_t, SCOPE, BK, BN, gl_MatrixUseB>(0.0); \
    LOAD_X(b); \
    [[unroll]] for (uint s = 0; s < SETS; s++) { \
      coopmat<float16_t, SCOPE, BM, BK, gl_MatrixUseA> a = coopmat<float16_t, SCOPE, BM, BK, gl_MatrixUseA>(0.0); \
      if (s == 0u) LOAD_W(a, m.w); \
      else LOAD_W(a, w1); \
      acc[s] = coopMatMulAdd(a, b, acc[s]); \
    } \
    ADD_FOLDED \
  } \
}

void main() {
  beginFormat(k);
  Tile at = tileOf(SUPER);
  Matrix m = matrixOf(at.block, BM, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uvec2 span = spanOf(at.piece, BK);
  uint firstR = at.rows * BN;
  SUMS(SUM) acc[SETS];
  [[unroll]] for (uint s = 0; s < SETS; s++) acc[s] = SUMS(SUM)(0.0);
#ifdef HALF_SUMS
  SUMS(float) sums[SETS];
  [[unroll]] for (uint s = 0; s < SETS; s++) sums[s] = SUMS(float)(0.0);
#endif
#ifdef PARTS
  ADD_UP(0)
#else
  if (m.first + BM <= m.n && firstR + BN <= rows && span.y <= k) ADD_UP(gl_CooperativeMatrixClampModeUndefinedNV)
  else ADD_UP(gl_CooperativeMatrixClampModeConstantNV)
#endif
  coopMatPerElementNV(sums[0], sums[0], finishOne, sums[PAIR], at.block, firstR, at.piece);
}
