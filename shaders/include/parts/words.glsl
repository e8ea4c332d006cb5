// words: pieces of a row of weights by their byte addresses, out of loads of 4, 8 and 16 bytes. Rows begin at multiples of what
// the format loads at once: of 16 bytes where gpu/kernel/planes.go lays rows out in planes. There the pieces of all blocks that a
// file holds block by block follow each other: those of a plane begin at rowBlocks times the bytes of the pieces before them.
#include "../half.glsl"
uint byteAt(U32In row, uint at) { return row.v[at >> 2] >> (8u * (at & 3u)) & 255u; }          // any address
uint shortAt(U32In row, uint at) { return row.v[at >> 2] >> (8u * (at & 2u)) & 0xffffu; }      // multiples of 2
uint wordAt(U32In row, uint at) { return row.v[at >> 2]; }                                     // multiples of 4
#ifdef GATHERED // every invocation of a subgroup has a row of its own: drivers of CPUs gather 8 bytes of each in the time of 4
uvec2 wordsAt2(U32In row, uint at) { return unpack32(U64In(uint64_t(row)).v[at >> 3]); }       // multiples of 8
uvec4 wordsAt4(U32In row, uint at) { return uvec4(wordsAt2(row, at), wordsAt2(row, at + 8u)); } // multiples of 16
#else
uvec2 wordsAt2(U32In row, uint at) { return U32x2In(uint64_t(row)).v[at >> 3]; }
uvec4 wordsAt4(U32In row, uint at) { return U32x4In(uint64_t(row)).v[at >> 4]; }
#endif
float halfAt(U32In row, uint at) { return halfToFloat(shortAt(row, at)); }
// bytes4 are the four bytes of a word, bits4 those after a shift of each under a mask, signed4 as signed numbers. Most processors make
// a float of any byte of a register at once, so that only bytes are taken apart and nothing smaller.
uvec4 bytes4(uint w) { return uvec4(w, w >> 8, w >> 16, w >> 24) & 255u; }
uvec4 bits4(uint w, uint shift, uint mask) { return bytes4(w >> shift & mask * 0x01010101u); }
vec4 signed4(uint w) { return vec4(ivec4(int(w)) << ivec4(24, 16, 8, 0) >> 24); }
// apart1, apart2 and apart3 put the lowest four fields of so many bits into a byte each; above them w must be 0.
uint apart1(uint w) { return (w | w << 7 | w << 14 | w << 21) & 0x01010101u; }
uint apart2(uint w) { return (w | w << 6 | w << 12 | w << 18) & 0x03030303u; }
uint apart3(uint w) {
  w = (w | w << 10) & 0x003f003fu;
  return (w | w << 5) & 0x07070707u;
}
