// sample: a token of each row of candidates as topk leaves them, by the step's settings, all in whole numbers: the stages and
// their formulas are those of host/compute/sample.go and sampling.go. Logits are multiples of 2^-32, weights
// 2^39 2^(-distance decay).
//   o[r] = token, or -1 - c if the first candidate, of token c, is not a number
// With ADVANCE the step becomes the next one, in place, and the token goes into the ring that the host reads; behind the last
// step wanted, or a token that ends the run, STEP_RUN is 0 instead, and what is left of the run does nothing.
// Shapes    x [rows, 2 wanted], o [rows, 1] f32; ring [1 + steps] u32: tokens chosen, and they
// Params    addresses; rows; wanted: candidates, 1 to WG
// Spec      0 WG: power of two, at least wanted, 8 to 256; 1 ADVANCE: 1: rows is 1 and the step one token
// Grid      rows, folded into y; one workgroup per row
// Shared    5120 + 8 bytes
// Source    host/compute/sample.go; Hillis and Steele, Data Parallel Algorithms, 1986 (running sums); twin fallback/sample.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

// The step is read as it is written here: no promise that it stays as it is.
layout(buffer_reference, std430, buffer_reference_align = 4) buffer U32Live { uint v[]; };
#define U32In U32Live
#include "include/step.glsl"
#include "include/indirect.glsl"
#undef U32In
#include "include/sampling.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;
layout(constant_id = 1) const uint ADVANCE = 0;

layout(push_constant) uniform Params {
  U32In x;
  U32Out o;
  U32Live step;
  U32Out ring;
  uint rows;
  uint wanted;
};

const uint MOST = 256;
shared int64_t logits[MOST];
shared uint tokens[MOST];
shared uint64_t sums[MOST];
shared uint count, token;

// runningSums are those of the weights of the first n candidates; their sum comes back.
uint64_t runningSums(uint n, uint mantissa, uint shift) {
  uint lane = gl_LocalInvocationID.x;
  sums[lane] = lane < n ? weight(logits[0] - logits[lane], mantissa, shift) : 0ul;
  for (uint gap = 1u; gap < WG; gap *= 2u) {
    barrier(); // the round before is written before it is read
    uint64_t before = lane >= gap ? sums[lane - gap] : 0ul;
    barrier(); // everyone has read before anyone writes
    sums[lane] += before;
  }
  barrier(); // the sums are whole before they are read
  return sums[WG - 1u];
}

// keepUpTo keeps the candidates up to the one that says so; exactly one does.
void keepUpTo(bool last) {
  if (last) count = gl_LocalInvocationID.x + 1u;
  barrier(); // the count is set before it is read
}

// follow makes the step the next one, or ends the run.
void follow(uint at, int chosen, uint64_t state) {
  uint done = step.v[at + SAMPLING_DONE] + 1u;
  ring.v[done] = uint(chosen);
  ring.v[0] = done;
  step.v[at + SAMPLING_DONE] = done;
  bool end = chosen < 0 || done >= step.v[at + SAMPLING_STEPS];
  uint stops = step.v[at + SAMPLING_AT_STOPS];
  for (uint i = 0; i < step.v[at + SAMPLING_STOPS]; i++) end = end || step.v[stops + i] == uint(chosen);
  if (end) {
    step.v[STEP_RUN] = 0u;
    return;
  }
  step.v[step.v[STEP_AT_TOKENS]] = uint(chosen);
  step.v[step.v[STEP_AT_POS]]++;
  uint seq = step.v[STEP_AT_SEQS], len = step.v[seq + 2u] + 1u;
  step.v[seq + 2u] = len;
  step.v[seq + 4u] = max(step.v[seq + 4u], len);
  uint left = step.v[seq + 6u]; // row of the state that this step has left
  step.v[seq + 5u] = left;
  step.v[seq + 6u] = step.v[seq + 7u];
  step.v[seq + 7u] = left;
  putWord64(step, at + SAMPLING_STATE, state);
  uint window = step.v[at + SAMPLING_WINDOW];
  step.v[step.v[at + SAMPLING_AT_WINDOW] + window] = uint(chosen);
  step.v[at + SAMPLING_WINDOW] = window + 1u;
  for (uint i = 0; i < step.v[STEP_RECORDS]; i++) {
    uvec3 groups = indirectCounts(step, i);
    for (uint axis = 0; axis < 3u; axis++) step.v[STEP_HEADER + 3u * i + axis] = groups[axis];
  }
}

void main() {
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  if (ADVANCE == 1u && step.v[STEP_RUN] == 0u) return; // the run is over; the whole workgroup
  uint at = step.v[STEP_AT_SAMPLING], row = r * 2u * wanted, flags = step.v[at + SAMPLING_FLAGS];
  uint64_t state = word64(step, at + SAMPLING_STATE);
  int64_t l = lane < wanted ? fixedLogit(x.v[row + lane]) : 0l;
  uint id = lane < wanted ? uint(uintBitsToFloat(x.v[row + wanted + lane])) : 0u;
  bool nan = (x.v[row] & 0x7fffffffu) > 0x7f800000u; // it would be the first
  uint place = lane;
  if ((flags & SAMPLING_PENALTIES) != 0u) {
    uint last = step.v[at + SAMPLING_AT_WINDOW] + step.v[at + SAMPLING_WINDOW], n = 0;
    uint from = last - min(step.v[at + SAMPLING_WINDOW], step.v[at + SAMPLING_LAST_N]);
    for (uint i = from; i < last; i++) n += step.v[i] == id ? 1u : 0u;
    if (n > 0u) l = penalized(step, at, l, n);
    logits[lane] = l;
    barrier(); // all are lowered before they are compared
    place = 0u;
    for (uint j = 0; j < wanted; j++) place += logits[j] > l || logits[j] == l && j < lane ? 1u : 0u;
    barrier(); // all have their place before anyone takes it
  }
  if (lane < wanted) {
    logits[place] = l;
    tokens[place] = id;
  }
  uint most = step.v[at + SAMPLING_TOP_K];
  if (lane == 0u) {
    count = most > 0u ? min(most, wanted) : wanted;
    token = 0u;
  }
  barrier(); // candidates are in order before they are read
  if ((flags & SAMPLING_RANDOM) != 0u) {
    if ((flags & SAMPLING_TOP_P) != 0u) {
      uint n = count; // read by all before one of them changes it: there are barriers between
      uint64_t reach = mulShift(runningSums(n, ONE_MANTISSA, ONE_SHIFT), step.v[at + SAMPLING_TOP_P_WORD], 32u);
      keepUpTo(lane < n && sums[lane] >= reach && (lane == 0u || sums[lane - 1u] < reach));
    }
    if ((flags & SAMPLING_MIN_P) != 0u) {
      int64_t behind = int64_t(word64(step, at + SAMPLING_BEHIND));
      uint n = count;
      barrier(); // the count is read before it changes
      keepUpTo(lane < n && logits[0] - logits[lane] <= behind && (lane + 1u == n || logits[0] - logits[lane + 1u] > behind));
    }
    uint64_t total = runningSums(count, step.v[at + SAMPLING_DECAY], step.v[at + SAMPLING_DECAY + 1u]);
    uint64_t below = mulHigh(nextRandom(state), total);
    if (sums[lane] > below && (lane == 0u || sums[lane - 1u] <= below)) token = lane;
    barrier(); // the choice is made before it is read
  }
  if (lane == 0u) {
    int chosen = nan ? -1 - int(uintBitsToFloat(x.v[row + wanted])) : int(tokens[token]);
    o.v[r] = floatBitsToUint(float(chosen));
    if (ADVANCE == 1u) follow(at, chosen, state);
  }
}
