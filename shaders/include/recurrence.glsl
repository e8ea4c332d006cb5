// recurrence: what the recurrences of states share: the states' memory, their step size, and for few tokens of a sequence what
// stands before and behind a recurrence:
//   WIDTH:  x stands for f(sum_j w[c,j] x[t - WIDTH + 1 + j, c] + bias[c]), the causal convolution over time of conv1d.comp; its
//           rows before the step come from and go to windows
//   BEHIND: bits. BEHIND_NORM: the results of a head are normalised, v g / sqrt(mean of the head's v^2 + eps), which takes
//           all of them in one workgroup, of a power of two of invocations; BEHIND_GATE: results are multiplied by silu(gate)
// Source: host/compute/conv1d.go, rmsnorm.go, swiglu.go; twins in fallback
#ifndef RECURRENCE_GLSL
#define RECURRENCE_GLSL
#include "silu.glsl"
#include "step.glsl"

// Read and written, in different rows.
layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32State { float v[]; };

// Beside is what a recurrence takes along, in memory.
layout(buffer_reference, std430, buffer_reference_align = 8) restrict readonly buffer Beside {
  uint64_t w;       // f32 [cols, WIDTH]
  uint64_t bias;    // f32 [cols]
  uint64_t windows; // f32 [.., (WIDTH - 1) cols]
  uint64_t norm;    // f32 [elements of a head]
  uint64_t gate;    // f32, as the results
  uint64_t dtW;     // f32 [heads, RANK] of ssm_scan.comp
  uint64_t dtNorm;  // f32 [RANK]
  uint64_t bNorm;   // f32 [N]
  uint64_t cNorm;   // f32 [N]
  uint cols;        // of x, which the convolution goes through
  uint fromX;       // columns in it
  uint fromB;
  uint fromC;
  float eps;
};

const uint WINDOW_BIAS = 1u; // bits of WINDOW
const uint WINDOW_SILU = 2u;
const uint BEHIND_NORM = 1u; // bits of BEHIND
const uint BEHIND_GATE = 2u;

// softplus is ln(1 + exp(y)); below -15 the logarithm's argument would round to 1.
float softplus(float y) {
  float e = exp(-abs(y));
  return max(y, 0.0) + (e < 3.0e-4 ? e * (1.0 - 0.5 * e) : log(1.0 + e));
}

// rowBefore is column c of row t of a sequence, counted from its first of this step; there are width - 1 rows before it.
float rowBefore(F32In x, F32State windows, Seq q, bool fresh, int t, uint c, uint cols, uint width) {
  if (t >= 0) return x.v[(q.first + uint(t)) * cols + c];
  if (fresh) return 0.0;
  return windows.v[q.stateIn * (width - 1u) * cols + uint(t + int(width) - 1) * cols + c];
}

// convolved is column c of row t of the step.
float convolved(F32In x, Beside beside, Seq q, bool fresh, uint t, uint c, const uint width, const uint window) {
  F32In w = F32In(beside.w);
  F32State windows = F32State(beside.windows);
  float sum = 0.0;
  int from = int(t - q.first) - int(width) + 1;
  for (uint j = 0; j < width; j++) {
    sum = fma(w.v[c * width + j], rowBefore(x, windows, q, fresh, from + int(j), c, beside.cols, width), sum);
  }
  if ((window & WINDOW_BIAS) != 0u) sum += F32In(beside.bias).v[c];
  return (window & WINDOW_SILU) != 0u ? silu(sum) : sum;
}

// keepWindow stores the last rows of column c.
void keepWindow(F32In x, Beside beside, Seq q, bool fresh, uint c, const uint width) {
  F32State windows = F32State(beside.windows);
  for (uint j = 0; j + 1u < width; j++) {
    float v = rowBefore(x, windows, q, fresh, int(q.count) - int(width) + 1 + int(j), c, beside.cols, width);
    windows.v[q.stateOut * (width - 1u) * beside.cols + j * beside.cols + c] = v;
  }
}
#endif
