// indirect: how many workgroups a dispatch has whose number follows the step: a record of three counts in the step buffer, made
// from the sequences and from a table of parameters behind the records.
// Twin: gpu/kernel/indirect.go; a test runs both on the same steps.
#ifndef INDIRECT_GLSL
#define INDIRECT_GLSL
#include "pieces.glsl"

const uint INDIRECT_WORDS = 9; // of a table
// Kinds of records. A step with more than MAX_DECODE_ROWS rows of a sequence runs neither.
const uint INDIRECT_PIECES = 1;  // attention_decode: pieces of the longest context × blocks of pairs, KV heads, sequences
const uint INDIRECT_COMBINE = 2; // attention_combine: heads, rows; none when every sequence is one piece
const uint MAX_DECODE_ROWS = 8;

struct Indirect {
  uint kind;
  uint most; // pieces
  uint kvHeads;
  uint group; // heads of a KV head
  uint pairs; // of row and head, of a workgroup
  uint fold;  // rows along y
  Mask mask;
};

Indirect indirectTable(U32In step, uint record) {
  uint at = STEP_HEADER + 3u * step.v[STEP_RECORDS] + INDIRECT_WORDS * record;
  return Indirect(step.v[at], step.v[at + 1u], step.v[at + 2u], step.v[at + 3u], step.v[at + 4u], step.v[at + 5u],
    Mask(step.v[at + 6u] != 0u, step.v[at + 7u], step.v[at + 8u]));
}

// indirectCounts are the counts of a record for the step as it is now; they belong at word STEP_HEADER + 3 record.
uvec3 indirectCounts(U32In step, uint record) {
  Indirect r = indirectTable(step, record);
  uint tokens = step.v[STEP_TOKENS], seqs = step.v[STEP_SEQS], rows = tokens - seqs + 1u;
  if (rows > MAX_DECODE_ROWS) return uvec3(0);
  uint pieces = 1u;
  for (uint i = 0; i < seqs; i++) {
    Seq seq = stepSeq(step, i);
    uvec2 keys = rowsRange(step, seq.first, seq.count, seq.len, r.mask);
    if (keys.x < keys.y) pieces = max(pieces, pieceCount(keys.y - keys.x, r.most));
  }
  if (r.kind == INDIRECT_PIECES) return uvec3(pieces * ((rows * r.group + r.pairs - 1u) / r.pairs), r.kvHeads, seqs);
  if (pieces == 1u) return uvec3(0);
  uint y = min(tokens, r.fold);
  return uvec3(r.kvHeads * r.group, y, (tokens + y - 1u) / y);
}
#endif
