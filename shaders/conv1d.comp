// conv1d: causal convolution over time, each column by itself, with the last rows of each sequence as its state.
//   out[t,c] = f(sum_j w[c,j] y[t - width + 1 + j, c] + bias[c]) gate[t,c]      f: none, or silu      y[t,c] = x[t,c] times[t,c]
// Rows before the step come from state[stateIn], or are zero where the sequence begins; the last go to state[stateOut].
// Shapes    x, times, gate, out [rows, cols], w [cols, width], bias [cols], state [.., (width - 1) cols] f32;
//           out aliases nothing
// Params    addresses; rows, seqs; cols, width in elements; flags: 1 bias, 2 silu, 4 times, 8 gate
// Spec      0 WG: 8 to 256
// Grid      ceil((rows + seqs (width - 1)) cols / WG), folded into y; one invocation per element of out, then of the states
// Order     j ascending, f32
// Source    host/compute/conv1d.go, activation.go; twin fallback/conv1d.go
#version 460
#include "include/grid.glsl"
#include "include/recurrence.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(push_constant) uniform Params {
  F32In x;
  F32In w;
  F32In bias;
  F32State state;
  F32Out o;
  U32In step;
  F32In times;
  F32In gate;
  uint rows;
  uint seqs;
  uint cols;
  uint width;
  uint flags;
};

// inputAt is column c of row t of a sequence, counted from its first of this step; rows before it were stored as products.
float inputAt(Seq q, bool fresh, int t, uint c) {
  float v = rowBefore(x, state, q, fresh, t, c, cols, width);
  return t >= 0 && (flags & 4u) != 0u ? v * times.v[(q.first + uint(t)) * cols + c] : v;
}

void main() {
  uint i = foldedInvocation(WG), r = i / cols, c = i % cols;
  if (r >= rows + seqs * (width - 1u)) return;
  if (r >= rows) { // element of a state
    uint s = (r - rows) / (width - 1u), j = (r - rows) % (width - 1u);
    Seq q = stepSeq(step, s);
    float v = inputAt(q, stepPos(step, q.first) == 0u, int(q.count) - int(width) + 1 + int(j), c);
    state.v[q.stateOut * (width - 1u) * cols + j * cols + c] = v;
    return;
  }
  Seq q = stepSeq(step, stepRowSeq(step, r));
  bool fresh = stepPos(step, q.first) == 0u;
  float sum = 0.0;
  int from = int(r - q.first) - int(width) + 1;
  for (uint j = 0; j < width; j++) sum = fma(w.v[c * width + j], inputAt(q, fresh, from + int(j), c), sum);
  if ((flags & WINDOW_BIAS) != 0u) sum += bias.v[c];
  if ((flags & WINDOW_SILU) != 0u) sum = silu(sum);
  if ((flags & 8u) != 0u) sum *= gate.v[i];
  o.v[i] = sum;
}
