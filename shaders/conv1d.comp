// conv1d: causal convolution over time, each column by itself, with the last rows of each sequence as its state.
//   out[t,c] = f(sum_j w[c,j] x[t - width + 1 + j, c] + bias[c])      f: none, or silu
// Rows before the step come from state[stateIn], or are zero where the sequence begins; the last go to state[stateOut].
// Shapes    x, out [rows, cols], w [cols, width], bias [cols], state [.., (width - 1) cols] f32; out aliases nothing
// Params    addresses; rows, seqs; cols, width in elements; flags: 1 bias, 2 silu
// Spec      0 WG: 8 to 256
// Grid      ceil((rows + seqs (width - 1)) cols / WG), folded into y; one invocation per element of out, then of the states
// Order     j ascending, f32
// Source    host/compute/conv1d.go; twin fallback/conv1d.go
#version 460
#include "include/grid.glsl"
#include "include/silu.glsl"
#include "include/step.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32State { float v[]; };

layout(push_constant) uniform Params {
  F32In x;
  F32In w;
  F32In bias;
  F32State state; // read and written, in different rows
  F32Out o;
  U32In step;
  uint rows;
  uint seqs;
  uint cols;
  uint width;
  uint flags;
};

// inputAt is column c of row t of the sequence, counted from its first of this step; there are width - 1 rows before it.
float inputAt(Seq q, bool fresh, int t, uint c) {
  if (t >= 0) return x.v[(q.first + uint(t)) * cols + c];
  if (fresh) return 0.0;
  return state.v[q.stateIn * (width - 1u) * cols + uint(t + int(width) - 1) * cols + c];
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
  if ((flags & 1u) != 0u) sum += bias.v[c];
  if ((flags & 2u) != 0u) sum = silu(sum);
  o.v[i] = sum;
}
