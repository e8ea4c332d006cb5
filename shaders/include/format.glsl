// format: the weight format that the manifest's define FORMAT_* names. Each file of formats/ describes its layout and gives,
// with parts/ for what several share,
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
#include "format_of.glsl"

// beginFormat is to come before anything is decoded: it tells the length of rows, and the parameter codebook.
#ifdef CODEBOOK
#define beginFormat(k) rowBlocks = (k) / BLOCK_LEN, codebookWords = codebook
#else
#define beginFormat(k) rowBlocks = (k) / BLOCK_LEN
#endif

// rowAt is row n of a matrix. Rows are reached by 64-bit addresses: a matrix may be larger than 32-bit indices reach.
Row rowAt(Row w, uint n, uint rowBytes) { return Row(uint64_t(w) + uint64_t(n) * uint64_t(rowBytes)); }
#endif
