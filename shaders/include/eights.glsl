// eights: activations in half precision, in blocks of 8 with a power of two each, for the next multiplication on matrix units:
// a workgroup makes a part of a row, whose largest number, which matmul_halves scales by, is not known yet.
//   halves[i] = half(x[i] s),  s the power of two that brings the block's largest number to [2^top, 2^(top+1))
// Rows of k elements, a multiple of 64, lie in memory as [rows, k] halves, and behind them [rows, k / 8] scales: 1 / s, of which
// the upper 16 bits are enough. Who reads them takes the largest scale of a row as the row's, and multiplies each block by its
// own over that one: the halves of matmul_halves, to the bit where those are no subnormals.
// To be included behind memory.glsl.
// Source: scaling by powers of two is exact: Higham and Mary, Mixed precision algorithms in numerical linear algebra, 2022, 9
#ifndef EIGHTS_GLSL
#define EIGHTS_GLSL
layout(buffer_reference, std430, buffer_reference_align = 16) restrict writeonly buffer U32x4Out { uvec4 v[]; };

// putEight stores block `block` of all rows into o, where there are `blocks` of them.
void putEight(uint64_t o, uint block, uint blocks, vec4 x[2], const uint top) {
  vec4 a = max(abs(x[0]), abs(x[1]));
  float m = max(max(a.x, a.y), max(a.z, a.w));
  int shift = clamp(int(127u + top) - int(floatBitsToUint(m) >> 23), -126, 126);
  float s = uintBitsToFloat(uint(127 + shift) << 23);
  uvec4 w;
  [[unroll]] for (uint i = 0; i < 4u; i++) {
    vec4 v = x[i / 2u] * s;
    w[i] = packFloat2x16(f16vec2(i % 2u == 0u ? v.xy : v.zw));
  }
  U32x4Out(o).v[block] = w;
  U16Out(o + 16ul * blocks).v[block] = uint16_t(uint(127 - shift) << 7);
}

// largestScale is the largest of chunk i of the scales, each 8 of them.
uint largestScale(uint64_t scales, uint i) {
  uvec4 w = U32x4In(scales).v[i], m = max(w & 0xffffu, w >> 16);
  return max(max(m.x, m.y), max(m.z, m.w));
}

// largestOf is the largest of every share-th chunk of row r from the one numbered part on, of rows of k elements.
uint largestOf(uint64_t scales, uint r, uint k, uint part, uint share) {
  uint top = 0u, chunks = k / 64u;
  for (uint c = part; c < chunks; c += share) top = max(top, largestScale(scales, r * chunks + c));
  return top;
}

// scaleOf is a scale as a number.
float scaleOf(uint bits) { return uintBitsToFloat(bits << 16); }

// atScale are the halves of a block as a row of the given scale, at least the block's own, has them.
uvec4 atScale(uvec4 w, uint own, uint row) {
  float f = uintBitsToFloat(uint(max(127 + int(own >> 7) - int(row >> 7), 0)) << 23);
  [[unroll]] for (uint i = 0; i < 4u; i++) w[i] = packFloat2x16(f16vec2(vec2(unpackFloat2x16(w[i])) * f));
  return w;
}
#endif
