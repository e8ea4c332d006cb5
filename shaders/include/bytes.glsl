// bytes: weights as signed bytes, for the formats whose elements are small integers times a scale: dot products of packed bytes
// are exact there. Behind include/format.glsl, each file of bytes/ gives for the format of the same name
//   GROUP                      elements that share a scale, in order: 16 or 32
//   OFFSET                     1 where the group's smallest value is added, else 0
//   TOGETHER                   1 where the two groups of 16 of a unit share block and scale
//   bytes16(row, g)            elements 16 g to 16 g + 15
//   bytes32(row, unit, a, b)   the 32 elements that share loads best: two groups of 16,
//   sixteens(unit)             and which those are
// Twin: the decode8 of formats/ gives the same numbers.
#ifndef BYTES_GLSL
#define BYTES_GLSL
#extension GL_EXT_integer_dot_product : require
struct Bytes {
  uvec4 q; // four elements in a word, the first lowest
  vec2 k;  // x = k.x q + k.y; k.y is 0 without OFFSET
};

// less subtracts z from each byte of w, all of which are below 128.
uvec4 less(uvec4 w, uint z) { return ((w | 0x80808080u) - z * 0x01010101u) ^ 0x80808080u; }

// dot16 is the sum of 16 products of signed bytes.
int dot16(uvec4 a, uvec4 b) {
  return dotPacked4x8EXT(int(a.x), int(b.x)) + dotPacked4x8EXT(int(a.y), int(b.y)) + dotPacked4x8EXT(int(a.z), int(b.z)) +
         dotPacked4x8EXT(int(a.w), int(b.w));
}

#include "bytes_of.glsl"
#endif
