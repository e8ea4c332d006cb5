// format: the weight format that the manifest's define FORMAT_* names. Each file of formats/ describes its layout and gives
//   BLOCK_LEN                        elements in a block; a row of weights is whole blocks
//   Row                              the kind of memory in which a row lies
//   decode8(row, seg, a, b)          elements 8 seg to 8 seg + 7
//   decode16(row, unit, v)           the 16 elements that share loads best: two segments of 8,
//   segments(unit)                   and which those are
//   CODEBOOK                         defined where there is one: the last address among the parameters
//   decode1(row, k)                  element k; only where BLOCK_LEN is 1, for rows that are no multiple of 8
#ifndef FORMAT_GLSL
#define FORMAT_GLSL
#include "memory.glsl"
uint rowBlocks; // blocks of a row of weights
#if defined(FORMAT_F32)
#include "formats/f32.glsl"
#elif defined(FORMAT_F16)
#include "formats/f16.glsl"
#elif defined(FORMAT_BF16)
#include "formats/bf16.glsl"
#elif defined(FORMAT_Q8_0)
#include "formats/q8_0.glsl"
#elif defined(FORMAT_Q4_0)
#include "formats/q4_0.glsl"
#elif defined(FORMAT_Q4_1)
#include "formats/q4_1.glsl"
#elif defined(FORMAT_Q5_0)
#include "formats/q5_0.glsl"
#elif defined(FORMAT_Q5_1)
#include "formats/q5_1.glsl"
#elif defined(FORMAT_Q4_K)
#include "formats/q4_k.glsl"
#elif defined(FORMAT_Q6_K)
#include "formats/q6_k.glsl"
#elif defined(FORMAT_Q2_K)
#include "formats/q2_k.glsl"
#elif defined(FORMAT_Q3_K)
#include "formats/q3_k.glsl"
#elif defined(FORMAT_Q5_K)
#include "formats/q5_k.glsl"
#elif defined(FORMAT_IQ4_NL)
#include "formats/iq4_nl.glsl"
#elif defined(FORMAT_IQ4_XS)
#include "formats/iq4_xs.glsl"
#elif defined(FORMAT_TQ1_0)
#include "formats/tq1_0.glsl"
#elif defined(FORMAT_TQ2_0)
#include "formats/tq2_0.glsl"
#elif defined(FORMAT_MXFP4)
#include "formats/mxfp4.glsl"
#elif defined(FORMAT_NVFP4)
#include "formats/nvfp4.glsl"
#elif defined(FORMAT_Q1_0)
#include "formats/q1_0.glsl"
#elif defined(FORMAT_Q2_0)
#include "formats/q2_0.glsl"
#elif defined(FORMAT_IQ1_S)
#include "formats/iq1_s.glsl"
#elif defined(FORMAT_IQ1_M)
#include "formats/iq1_m.glsl"
#elif defined(FORMAT_IQ2_XXS)
#include "formats/iq2_xxs.glsl"
#elif defined(FORMAT_IQ2_XS)
#include "formats/iq2_xs.glsl"
#elif defined(FORMAT_IQ2_S)
#include "formats/iq2_s.glsl"
#elif defined(FORMAT_IQ3_XXS)
#include "formats/iq3_xxs.glsl"
#elif defined(FORMAT_IQ3_S)
#include "formats/iq3_s.glsl"
#else
#error no weight format
#endif

// beginFormat is to come before anything is decoded: it tells the length of rows, and the parameter codebook.
#ifdef CODEBOOK
#define beginFormat(k) rowBlocks = (k) / BLOCK_LEN, codebookWords = codebook
#else
#define beginFormat(k) rowBlocks = (k) / BLOCK_LEN
#endif

// rowAt is row n of a matrix. Rows are reached by 64-bit addresses: a matrix may be larger than 32-bit indices reach.
Row rowAt(Row w, uint n, uint rowBytes) { return Row(uint64_t(w) + uint64_t(n) * uint64_t(rowBytes)); }
#endif
