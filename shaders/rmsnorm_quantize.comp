// rmsnorm_quantize: rmsnorm of rows whose result leaves in blocks of 32 signed bytes with a scale, and in no other form.
//   y[r,c] = x[r,c] / sqrt(mean_c(x[r,c]^2) + eps) * w[c];   out = y as include/blocks.glsl has it
// Shapes    x [rows, width] f32 row-major, width a multiple of 32; w [width] f32; out does not alias x
// Params    addresses; rows; width in elements; eps from model metadata
// Spec      0 WG: power of two, 8 to 256   1 X4: 1 when rows of x and w are 16-byte aligned
// Grid      rows, folded into y; one workgroup per row, blocks past WG walked in strides
// Shared    4 WG bytes; f32 tree reduction, order fixed by WG
// Source    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, eq. 4; twin fallback/rmsnorm.go
#version 460
#include "include/memory.glsl"
#include "include/grid.glsl"
#include "include/blocks.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(constant_id = 1) const uint X4 = 0;

layout(push_constant) uniform Params {
  F32In x;
  F32In weight;
  uint64_t o;
  uint rows;
  uint width;
  float eps;
};

shared float sums[WG];

vec4 four(F32In from, uint at) {
  if (X4 == 1) return F32x4In(uint64_t(from)).v[at >> 2];
  return vec4(from.v[at], from.v[at + 1u], from.v[at + 2u], from.v[at + 3u]);
}

void main() {
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  float s = 0.0;
  for (uint c = 4u * lane; c < width; c += 4u * WG) {
    vec4 v = four(x, r * width + c);
    s += dot(v, v);
  }
  sums[lane] = s;
  for (uint n = WG / 2u; n > 0u; n /= 2u) {
    barrier(); // the sums of the level above are written before this level reads them
    if (lane < n) sums[lane] += sums[lane + n];
  }
  barrier(); // the total is written before everyone reads it
  float scale = 1.0 / sqrt(sums[0] / float(width) + eps);
  uint blocks = width / 32u;
  for (uint b = lane; b < blocks; b += WG) {
    vec4 v[8];
    [[unroll]] for (uint i = 0; i < 8u; i++) {
      uint c = 32u * b + 4u * i;
      v[i] = four(x, r * width + c) * scale * four(weight, c);
    }
    storeBlock(o, r * blocks + b, rows * blocks, v);
  }
}
