// blocks: activations in blocks of 32 signed bytes, for dot products of packed bytes:
//   q[i] = round(x[i] / s),  s = max |x| / 127
// Rows of k elements, a multiple of 32, lie in memory as [rows, k] bytes, and behind them [rows, k / 32] heads: s, and the sums
// of the first and of the last 16 q as two signed halves of a word.
// A block whose largest number is below 1e-36 counts as zero: its scale would not be a normal number.
// Source: rounding errors of at most s/2 an element; Jacob et al., Quantization and training of neural networks, 2018
#ifndef BLOCKS_GLSL
#define BLOCKS_GLSL
#extension GL_EXT_integer_dot_product : require
layout(buffer_reference, std430, buffer_reference_align = 16) restrict writeonly buffer BlocksOut { uvec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) restrict writeonly buffer HeadsOut { uvec2 v[]; };

const int ONES = 0x01010101;

// inverseOf is 1/s for a block whose largest number is m.
float inverseOf(float m) { return m >= 1.0e-36 ? 127.0 / m : 0.0; }

int quantised(float x, float inverse) { return int(roundEven(x * inverse)); }

int quantised4(vec4 x, float inverse) {
  uvec4 q = uvec4(ivec4(roundEven(x * inverse))) & 255u;
  return int(q.x | q.y << 8 | q.z << 16 | q.w << 24);
}

float largest4(vec4 v) {
  vec4 a = abs(v);
  return max(max(a.x, a.y), max(a.z, a.w));
}

// putBlock stores block `block` of all rows into o, where there are `blocks` of them.
void putBlock(uint64_t o, uint block, uint blocks, uvec4 q[2], float m, ivec2 sums) {
  BlocksOut(o).v[2u * block] = q[0];
  BlocksOut(o).v[2u * block + 1u] = q[1];
  float s = m >= 1.0e-36 ? m / 127.0 : 0.0;
  HeadsOut(o + 32ul * blocks).v[block] = uvec2(floatBitsToUint(s), uint(sums.x & 0xffff) | uint(sums.y) << 16);
}

// storeBlock quantises and stores a block.
void storeBlock(uint64_t o, uint block, uint blocks, vec4 x[8]) {
  float m = 0.0;
  [[unroll]] for (uint i = 0; i < 8u; i++) m = max(m, largest4(x[i]));
  float inverse = inverseOf(m);
  uvec4 q[2];
  ivec2 sums = ivec2(0);
  [[unroll]] for (uint h = 0; h < 2u; h++) {
    [[unroll]] for (uint i = 0; i < 4u; i++) {
      int four = quantised4(x[4u * h + i], inverse);
      q[h][i] = uint(four);
      sums[h] += dotPacked4x8EXT(four, ONES);
    }
  }
  putBlock(o, block, blocks, q, m, sums);
}

// sumsOf are the two sums of a head.
vec2 sumsOf(uvec2 head) { return vec2(int(head.y << 16) >> 16, int(head.y) >> 16); }
#endif
