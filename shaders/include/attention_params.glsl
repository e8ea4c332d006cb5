// attention_params: the parameters of the attention kernels, and what follows from them alone.
#ifndef ATTENTION_PARAMS_GLSL
#define ATTENTION_PARAMS_GLSL
#include "pieces.glsl"
#include "step.glsl"

// What does not shape the loops is a parameter, not a constant: a pipeline each would take drivers long to compile.
const uint PAGED = 1u;  // bits of flags: key j lies in the sequence's pages, not in row first + j
const uint CAUSAL = 2u;
const uint SINKS = 4u;  // a sink score per head joins the softmax
const uint CAP = 8u;    // scores are capped
const uint BIASED = 32u; // a bias by distance joins the scores
const uint ALIGNED = 64u; // rows of heads lie at multiples of 16 bytes in k and v
const uint JOINED = 256u; // of the pieces of a context, the workgroup that brings the last joins all
const uint GATED = 128u; // results of few rows are multiplied by the sigmoid of gate
const uint LATENT = 16u; // values are the first DV elements of their keys; v is not read

layout(push_constant) uniform Params {
  F32In q;            // [T, heads D]
  uint64_t k;         // rows of kvHeads D
  uint64_t v;         // rows of kvHeads DV
  F32In sinks;        // [heads]
  F32Out o;           // [T, heads DV]
  U32In step;
  F32In bias;         // [2 reach + 1, heads], by the key's distance from the query
  F32Out partial;     // partial results (attention_decode)
  F32In gate;         // as o
  uint64_t counts;    // u32 [sequences, kvHeads, blocks of pairs], with JOINED
  uint kvHeads;
  uint window;        // keys visible on each side, itself included; 0: all
  uint pageSize;
  float scale;
  float softCap;
  uint group;         // query heads of a KV head
  uint splits;        // most pieces of the context
  uint flags;
  uint reach;         // distances beyond it count as it
  uint chunk;         // positions of a chunk, beyond which no key is visible; 0: all
};

bool is(uint flag) { return (flags & flag) != 0u; }

Mask mask() { return Mask(is(CAUSAL), window, chunk); }

// seen covers the keys that count rows from row on see, of a sequence of n.
uvec2 seen(uint row, uint count, uint n) { return rowsRange(step, row, count, n, mask()); }

uint keySlot(Seq seq, uint j) { return is(PAGED) ? stepSlot(step, seq.pages, j, pageSize) : seq.first + j; }

// finish joins the sink and gives the factor of o: 0 where no key and no sink was seen.
float finish(float m, float l, uint head) {
  if (!is(SINKS)) return l > 0.0 || l != l ? 1.0 / l : 0.0;
  float top = max(m, sinks.v[head]), fade = exp(m - top);
  return fade / (l * fade + exp(sinks.v[head] - top));
}
#endif
