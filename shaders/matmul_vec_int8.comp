// matmul_vec_int8: multiply one to eight rows of activations by a weight matrix in dot products of packed signed bytes, exact in
// int32; the sums of groups of 16 or 32 elements are scaled and added up in float32. Every weight is read once.
//   out[r,n] = sum_g s[r,g] (d[n,g] sum_i x[r,i] w[n,i] + m[n,g] sum_i x[r,i]) + bias[n] + residual[r,n]
//   PAIR:  out[r,n] = act(that of w0, with b0[n]) (that of w1, with b1[n])
// Shapes    as matmul_vec, but x is what quantize makes of it (include/blocks.glsl), and w of a format of include/bytes
// Params    include/matmul.glsl
// Spec      as matmul_vec; NORM and TAKE are 0: x is normalised before it is quantised; X4 has no meaning
// Grid      sum over matrices of ceil(n / ROWS), folded into y; one workgroup per ROWS rows
// Tails     weight rows past n repeat row n-1 and are not stored
// Shared    4 * COLS * ROWS * (1 + PAIR) * WG / 4 bytes: one f32 for each sum and subgroup of at least 4;
//           include/units.glsl
// Order     each invocation sums its units of 32 in ascending order in f32; subgroupAdd; subgroups in ascending order
// Source    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference, 2018;
//           twins fallback/matmul.go, swiglu.go, add.go
#version 460
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "include/few.glsl"
#include "include/bytes.glsl"
#include "include/blocks.glsl"

const uint SUMS = SETS * COLS;
shared float partial[SUMS * (WG / 4)];

// finished is the sum of weight row i of the workgroup with row r of x.
float finished(uint i, uint r) {
  float t = 0.0;
  for (uint s = 0; s < gl_NumSubgroups; s++) t += partial[s * SUMS + i * COLS + r];
  return t;
}

void main() {
  beginFormat(k);
  Matrix m = matrixOf(foldedWorkgroup(), ROWS, MATS);
  if (m.first >= m.n) return; // the fold's tail; the whole workgroup
  uint lane = gl_LocalInvocationID.x, units = k / 32u;
  bool pairs = inPairs(m);

  Row w[SETS];
  [[unroll]] for (uint i = 0; i < SETS; i++) {
    uint at = m.first + i % ROWS, n = min(at, m.n - 1u);
    if (pairs) n = pairRows(min(at, m.n - 1u) / 2u)[at % 2u];
    w[i] = rowAt(i < ROWS ? m.w : w1, n, rowBytes);
  }
  float acc[SUMS];
  [[unroll]] for (uint i = 0; i < SUMS; i++) acc[i] = 0.0;

  U32x4In x4 = U32x4In(uint64_t(x));
  U32x2In heads = U32x2In(uint64_t(x) + rows * k);
  for (uint unit = lane; unit < units; unit += WG) {
    uvec2 g = sixteens(unit);
    Bytes a[SETS], b[SETS];
    [[unroll]] for (uint i = 0; i < SETS; i++) bytes32(w[i], unit, a[i], b[i]);
    [[unroll]] for (uint c = 0; c < COLS; c++) {
      if (c < rows) {
        uvec4 va = x4.v[c * units * 2u + g.x], vb = x4.v[c * units * 2u + g.y];
        uvec2 head = heads.v[c * units + g.x / 2u];
        float s = uintBitsToFloat(head.x);
#if TOGETHER
        [[unroll]] for (uint i = 0; i < SETS; i++) {
          float t = float(dot16(a[i].q, va) + dot16(b[i].q, vb)) * a[i].k.x;
#if OFFSET
          vec2 both = sumsOf(head);
          t = fma(a[i].k.y, both.x + both.y, t);
#endif
          acc[i * COLS + c] = fma(t, s, acc[i * COLS + c]);
        }
#else
        uvec2 other = heads.v[c * units + g.y / 2u];
        float s1 = uintBitsToFloat(other.x);
        [[unroll]] for (uint i = 0; i < SETS; i++) {
          float t = float(dot16(a[i].q, va)) * a[i].k.x, t1 = float(dot16(b[i].q, vb)) * b[i].k.x;
#if OFFSET
          t = fma(a[i].k.y, sumsOf(head)[g.x % 2u], t);
          t1 = fma(b[i].k.y, sumsOf(other)[g.y % 2u], t1);
#endif
          acc[i * COLS + c] = fma(t, s, fma(t1, s1, acc[i * COLS + c]));
        }
#endif
      }
    }
  }

  [[unroll]] for (uint i = 0; i < SUMS; i++) {
    float t = subgroupAdd(acc[i]);
    if (subgroupElect()) partial[gl_SubgroupID * SUMS + i] = t;
  }
  barrier(); // the subgroups' sums are written before any invocation adds them up

  if (pairs) {
    for (uint i = lane; i < ROWS / 2u * COLS; i += WG) {
      uint r = i % COLS, j = i / COLS * 2u;
      if (r < rows && m.first + j < m.n) putPair(m, r, (m.first + j) / 2u, finished(j, r), finished(j + 1u, r));
    }
    return;
  }
  for (uint i = lane; i < ROWS * COLS; i += WG) {
    uint r = i % COLS, j = i / COLS, n = m.first + j;
    if (r >= rows || n >= m.n) continue;
    put(m, r, n, result(m, n, finished(j, r), PAIR == 1 ? finished(ROWS + j, r) : timesOf(r, n)));
  }
  finish(m, ROWS);
}
