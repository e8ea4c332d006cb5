// step: the step buffer, all that changes from one run to the next, as 32-bit words. gpu/kernel/step.go writes it and is
// the twin of this file; a test compares the STEP_ constants of both.
//   words 0 to 15    header: counts, and the word at which each list begins
//   records [R][3]   workgroups of indirect dispatches, then the tables [R][9] they are made from: include/indirect.glsl
//   tokens  [T]      token ids                     pos     [T]  position of each row in its sequence
//   rowSeq  [T]      sequence of each row          outputs [O]  rows whose logits are wanted
//   seqs    [S][8]   first row, rows, keys, word at which its page table begins, keys once the whole prompt is stored,
//                    row of its state before the step, after it, and a third for runs of several steps
//   pages            the page tables
//   sampling         settings of sample, then the window of tokens and those that end a run
//   tiles   [][4]    first row, rows (1 to 16), sequence, 0: the rows of each sequence in pieces for attention
#ifndef STEP_GLSL
#define STEP_GLSL
#include "memory.glsl"

const uint STEP_TOKENS = 0;    // T
const uint STEP_OUTPUTS = 1;   // O
const uint STEP_SEQS = 2;      // S
const uint STEP_TILES = 3;
const uint STEP_AT_TOKENS = 4;
const uint STEP_AT_POS = 5;
const uint STEP_AT_ROWSEQ = 6;
const uint STEP_AT_OUTPUTS = 7;
const uint STEP_AT_SEQS = 8;
const uint STEP_AT_PAGES = 9;
const uint STEP_AT_TILES = 10;
const uint STEP_RECORDS = 11; // R
const uint STEP_AT_SAMPLING = 14; // include/sampling.glsl
const uint STEP_RUN = 15;         // not 0: the step is to be run
const uint STEP_HEADER = 16;
const uint STEP_TILE_ROWS = 16;
const uint STEP_SEQ_WORDS = 8;

uint stepToken(U32In s, uint row) { return s.v[s.v[STEP_AT_TOKENS] + row]; }
uint stepPos(U32In s, uint row) { return s.v[s.v[STEP_AT_POS] + row]; }
uint stepRowSeq(U32In s, uint row) { return s.v[s.v[STEP_AT_ROWSEQ] + row]; }
uint stepOutput(U32In s, uint o) { return s.v[s.v[STEP_AT_OUTPUTS] + o]; }

struct Seq { uint first, count, len, pages, until, stateIn, stateOut; };

Seq stepSeq(U32In s, uint i) {
  uint at = s.v[STEP_AT_SEQS] + STEP_SEQ_WORDS * i;
  return Seq(s.v[at], s.v[at + 1u], s.v[at + 2u], s.v[at + 3u], s.v[at + 4u], s.v[at + 5u], s.v[at + 6u]);
}

struct Tile { uint first, count, seq; };

Tile stepTile(U32In s, uint i) {
  uint at = s.v[STEP_AT_TILES] + 4u * i;
  return Tile(s.v[at], s.v[at + 1u], s.v[at + 2u]);
}

// stepSlot is the row of a paged tensor that holds position pos of a sequence.
uint stepSlot(U32In s, uint pages, uint pos, uint pageSize) { return s.v[pages + pos / pageSize] * pageSize + pos % pageSize; }
#endif
