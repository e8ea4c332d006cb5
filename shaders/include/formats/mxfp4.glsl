// MXFP4: 32 elements: an E8M0 scale e, 16 bytes; byte i holds element i in its low and element i+16 in its high nibble.
//   x = 2^(e-127) E2M1(q)
// File: 17 bytes, in this order. Planes: nibbles, e.
#define BLOCK_LEN 32
#define Row U32In
#include "../parts/words.glsl"
#include "../parts/e2m1.glsl"
float scaleOf(Row row, uint block) {
  uint e = byteAt(row, 16u * rowBlocks + block);
  return uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23); // half of the scale; the two least are subnormal
}
#include "../parts/halves.glsl"
