// matmul: what the multiplication kernels share: parameters, and the choice of the matrix that a workgroup works on.
//
// One dispatch multiplies X by one to MATS matrices of one format and one row length (query, key and value projections),
// whose rows are numbered one matrix after the other in blocks of a fixed number of rows, or, with PAIR, by two matrices
// W0 (gate) and W1 (up) of one shape, joined by SwiGLU.
#ifndef MATMUL_GLSL
#define MATMUL_GLSL
#include "format.glsl"
#include "grid.glsl"
#include "silu.glsl"

// Extra is what the kernels for few rows of x may take besides (few.glsl), in memory: the block of push constants is full.
layout(buffer_reference, std430, buffer_reference_align = 8) restrict readonly buffer Extra {
  uint64_t norm;       // f32 [k]: weights of the normalisation
  uint64_t table;      // of RoPE, as in rope.glsl
  uint64_t longTable;
  uint64_t kCache;     // rows of the cache, as long as those of out
  uint64_t vCache;
  uint64_t step;       // the step buffer
  uint64_t qNorm;      // f32 [headDim]: weights of the heads' normalisation
  uint64_t kNorm;
  uint64_t counts;     // u32 [MATS, units]: units.glsl
  uint64_t rowNorm;    // f32 [n0]: weights of the normalisation behind
  uint64_t rowBias;    // f32 [n0]
  uint64_t rowOut;     // f32 [rows, n0]
  uint64_t vNorm;      // f32 [headDim]
  uint64_t qOut;       // queries whose gates are apart, or rotated parts of queries
  uint64_t gateOut;    // those gates
  uint64_t times;      // f32 [rows, timesCols]
  uint64_t normBias;   // f32 [k]
  uint64_t routeBias;  // f32 [n0], those of route.glsl
  uint64_t routeScales;
  uint64_t ids;        // f32 [rows, used]
  uint64_t weights;
  uint64_t convW;      // f32 [n, width]
  uint64_t convBias;   // f32 [n] or null
  uint64_t windows;    // f32 [.., (width - 1) n]
  uint64_t also;       // f32 [rows, n0]
  float eps;           // of the normalisation
  uint headDim;        // elements of a head
  uint rot;            // of which so many are rotated
  uint pairing;
  uint pageSize;       // rows
  uint longFrom;       // keys
  float headEps;       // of the heads' normalisation
  uint units;          // counts of a matrix
  float rowEps;        // of the normalisation behind
  float scale;
  float last;
  uint rotFrom;        // first element of a head that is rotated
  uint outHead;        // elements from one head of qOut to the next, where it has the rotated parts alone,
  uint outFrom;        // from here on
  uint timesCols;
  uint timesFrom;      // column
  uint used;           // experts
  uint gate;
  uint groups;
  uint usedGroups;
  uint routeFlags;
  float routeFactor;
  float jitter;
  uint width;          // rows that a convolution sees
  uint convSiLU;
};

layout(push_constant) uniform Params {
  F32In x;             // [rows, k]
  Row w0, w1, w2;      // [n, k] each, rowBytes from row to row
  F32In b0, b1, b2;    // [n], read where BIAS says so
  F32Out o0, o1, o2;   // [rows, n]
  F32In residual;      // [rows, n0], read with RESIDUAL
#ifdef CODEBOOK
  U32In codebook;
#endif
  Extra extra;         // read where few.glsl says so
  uint rows;           // rows of X
  uint n0, n1, n2;     // rows of each matrix; 0 beyond MATS
  uint k;              // elements of a row
  uint rowBytes;       // bytes from one row of weights to the next
};

struct Matrix {
  Row w;
  F32In bias;
  F32Out o;
  uint n;      // rows
  uint first;  // first row of this workgroup's block
  uint index;  // which matrix
};

// matrixOf finds block `block` of height rows; first is n where there is none.
Matrix matrixOf(uint block, uint height, uint mats) {
  uint first = block * height, blocks = (n0 + height - 1u) / height;
  if (mats == 1u || block < blocks) return Matrix(w0, b0, o0, n0, first, 0u);
  block -= blocks;
  blocks = (n1 + height - 1u) / height;
  if (mats == 2u || block < blocks) return Matrix(w1, b1, o1, n1, block * height, 1u);
  block -= blocks;
  return Matrix(w2, b2, o2, n2, block * height, 2u);
}
#endif
