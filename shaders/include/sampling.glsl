// sampling: the arithmetic of sampling in whole numbers, and where its settings lie in the step buffer, as words behind the
// one at STEP_AT_SAMPLING. Twins: host/compute/sampling.go and gpu/kernel/sampling.go; tests compare constants and results.
#ifndef SAMPLING_GLSL
#define SAMPLING_GLSL

const uint SAMPLING_FLAGS = 0;
const uint SAMPLING_TOP_K = 1;
const uint SAMPLING_TOP_P_WORD = 2;
const uint SAMPLING_REPEAT = 3;     // of logits below zero, and behind it of those above
const uint SAMPLING_BEHIND = 5;     // two words, as those that follow; the low one first
const uint SAMPLING_PRESENCE = 7;
const uint SAMPLING_FREQUENCY = 9;
const uint SAMPLING_STATE = 11;
const uint SAMPLING_DECAY = 13;     // mantissa, shift
const uint SAMPLING_LAST_N = 15;
const uint SAMPLING_WINDOW = 16;    // tokens in the window, and where it begins
const uint SAMPLING_AT_WINDOW = 17;
const uint SAMPLING_STOPS = 18;     // tokens that end the run, and where they begin
const uint SAMPLING_AT_STOPS = 19;
const uint SAMPLING_STEPS = 20;     // wanted in this run, and done
const uint SAMPLING_DONE = 21;
const uint SAMPLING_WORDS = 22;

// Flags.
const uint SAMPLING_RANDOM = 1;
const uint SAMPLING_TOP_P = 2;
const uint SAMPLING_MIN_P = 4;
const uint SAMPLING_PENALTIES = 8;

const uint ONE_MANTISSA = 3098164009u, ONE_SHIFT = 31u; // the decay of temperature 1: log2(e)
const uint MAX_COUNT = 262144u;
// ln(2)^k/k! of 2^32, k = 1 to 11.
const uint TAYLOR[12] = uint[12](0u, 2977044472u, 1031764991u, 238388332u, 41309550u, 5726720u, 661577u, 65510u, 5676u, 437u,
                                 30u, 2u);

uint64_t word64(U32Live step, uint at) { return uint64_t(step.v[at]) | uint64_t(step.v[at + 1u]) << 32; }

void putWord64(U32Live step, uint at, uint64_t v) {
  step.v[at] = uint(v);
  step.v[at + 1u] = uint(v >> 32);
}

// mulShift is a m / 2^shift, rounded down; shift is 24 or 32, and the result fits.
uint64_t mulShift(uint64_t a, uint m, uint shift) {
  return ((a >> 32) * uint64_t(m) << (32u - shift)) + ((a & 0xfffffffful) * uint64_t(m) >> shift);
}

// mulHigh is a b / 2^64, rounded down.
uint64_t mulHigh(uint64_t a, uint64_t b) {
  uint64_t low = 0xfffffffful, ah = a >> 32, al = a & low, bh = b >> 32, bl = b & low;
  uint64_t one = ah * bl + (al * bl >> 32), two = al * bh + (one & low);
  return ah * bh + (one >> 32) + (two >> 32);
}

// fixedLogit makes a multiple of 2^-32 of the bits of a float: compute.FixedLogit.
int64_t fixedLogit(uint bits) {
  uint e = bits >> 23 & 0xffu;
  uint64_t m = uint64_t(bits & 0x7fffffu | 0x800000u); // of subnormal numbers nothing is left
  uint64_t v;
  if (e >= 147u) v = 1ul << 52;          // 2^20 and more
  else if (e >= 118u) v = m << (e - 118u);
  else if (e > 94u) v = m >> (118u - e);
  else v = 0ul;
  if (e == 255u && (bits & 0x7fffffu) != 0u) v = 0ul; // not a number
  return (bits & 0x80000000u) != 0u ? -int64_t(v) : int64_t(v);
}

// weight is compute.Decay.Weight.
uint64_t weight(int64_t behind, uint mantissa, uint shift) {
  uint64_t x = mulShift(uint64_t(behind), mantissa, 32u);
  if (shift < 32u) {
    if (x >= 1ul << 40) return 0ul;
    x <<= 32u - shift;
  } else {
    x >>= shift - 32u;
  }
  if (x >> 32 > 39ul) return 0ul;
  uint64_t f = x & 0xfffffffful, t = uint64_t(TAYLOR[11]);
  for (uint k = 10u; k > 0u; k--) t = uint64_t(TAYLOR[k]) - (t * f >> 32);
  return ((1ul << 32) - (t * f >> 32)) << 7 >> uint(x >> 32);
}

// penalized is compute.Sampling.Penalized.
int64_t penalized(U32Live step, uint at, int64_t l, uint n) {
  if (l > 0l) l = int64_t(mulShift(uint64_t(l), step.v[at + SAMPLING_REPEAT + 1u], 24u));
  else l = -int64_t(mulShift(uint64_t(-l), step.v[at + SAMPLING_REPEAT], 24u));
  int64_t each = int64_t(word64(step, at + SAMPLING_FREQUENCY)), once = int64_t(word64(step, at + SAMPLING_PRESENCE));
  return l - int64_t(min(n, MAX_COUNT)) * each - once;
}

// nextRandom is compute.NextRandom.
uint64_t nextRandom(inout uint64_t state) {
  state += 0x9e3779b97f4a7c15ul;
  uint64_t z = state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
  z = (z ^ z >> 27) * 0x94d049bb133111ebul;
  return z ^ z >> 31;
}
#endif
