// conv1d: causal convolution over time, each column by itself, with the last rows of each sequence as its state.
//   out[t,c] = f(sum_j w[c,j] y[t - width + 1 + j, c] + bias[c]) gate[t,c]      f: none, or silu      y[t,c] = x[t,c] times[t,c]
// Rows before the step come from state[stateIn], or are zero where the sequence begins; the last go to state[stateOut].
// Shapes    x, times, gate, out [rows, cols], w [cols, WIDTH], bias [cols], state [.., (WIDTH - 1) cols] f32;
//           out aliases nothing
// Params    addresses; cols in elements; flags: 1 bias, 2 silu, 4 times, 8 gate
// Spec      0 WG: 8 to 256   1 WIDTH: 2 to 64   2 ROWS: of an invocation, a divisor of those of a tile, 16
// Grid      x: ceil(cols / WG); y: tiles of rows of a sequence; z: 16 / ROWS pieces of a tile, each walked by an invocation
// Order     j ascending, f32
// Source    host/compute/conv1d.go, activation.go; twin fallback/conv1d.go
#version 460
#include "include/recurrence.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint WIDTH = 4;
layout(constant_id = 2) const uint ROWS = 4;

layout(push_constant) uniform Params {
  F32In x;
  F32In w;
  F32In bias;
  F32State state;
  F32Out o;
  U32In step;
  F32In times;
  F32In gate;
  uint cols;
  uint flags;
};

// inputAt is column c of row t of a sequence, counted from its first of this step; rows before it were stored as products.
float inputAt(Seq q, bool fresh, int t, uint c) {
  float v = rowBefore(x, state, q, fresh, t, c, cols, WIDTH);
  return t >= 0 && (flags & 4u) != 0u ? v * times.v[(q.first + uint(t)) * cols + c] : v;
}

void main() {
  uint c = gl_WorkGroupID.x * WG + gl_LocalInvocationID.x;
  if (c >= cols || gl_WorkGroupID.y >= step.v[STEP_TILES]) return;
  Tile tile = stepTile(step, gl_WorkGroupID.y);
  uint skip = gl_WorkGroupID.z * ROWS;
  if (skip >= tile.count) return;
  uint first = tile.first + skip, count = min(ROWS, tile.count - skip);
  Seq q = stepSeq(step, tile.seq);
  bool fresh = stepPos(step, q.first) == 0u;
  float taps[WIDTH], rows[WIDTH];
  int from = int(first - q.first);
  [[unroll]] for (uint j = 0; j < WIDTH; j++) taps[j] = w.v[c * WIDTH + j];
  [[unroll]] for (uint j = 1; j < WIDTH; j++) rows[j] = inputAt(q, fresh, from - int(WIDTH) + int(j), c);
  for (uint t = 0; t < count; t++) {
    [[unroll]] for (uint j = 1; j < WIDTH; j++) rows[j - 1u] = rows[j];
    uint i = (first + t) * cols + c;
    rows[WIDTH - 1u] = (flags & 4u) != 0u ? x.v[i] * times.v[i] : x.v[i];
    float sum = 0.0;
    [[unroll]] for (uint j = 0; j < WIDTH; j++) sum = fma(taps[j], rows[j], sum);
    if ((flags & WINDOW_BIAS) != 0u) sum += bias.v[c];
    if ((flags & WINDOW_SILU) != 0u) sum = silu(sum);
    if ((flags & 8u) != 0u) sum *= gate.v[i];
    o.v[i] = sum;
  }
  if (first + count != q.first + q.count) return;
  [[unroll]] for (uint j = 1; j < WIDTH; j++) state.v[(q.stateOut * (WIDTH - 1u) + j - 1u) * cols + c] = rows[j];
}
