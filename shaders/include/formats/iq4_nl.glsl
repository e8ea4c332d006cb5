// IQ4_NL: 32 elements: binary16 d, 16 bytes; byte i holds element i in its low and element i+16 in its high nibble.
//   x = d level(q)
// File: 18 bytes, in this order. Planes: nibbles, d.
#define BLOCK_LEN 32
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/iq4_levels.glsl"
float scaleOf(Row row, uint block) { return halfAt(row, 16u * rowBlocks + 2u * block); }
#include "../parts/halves.glsl"
