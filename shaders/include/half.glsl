// half: binary16 and bfloat16 as bits. Widening is exact. Rounding is to nearest even and done on integers, because
// packHalf2x16 rounds toward zero on some drivers. Twin: host/compute/half.go.
#ifndef HALF_GLSL
#define HALF_GLSL

float halfToFloat(uint h) { return unpackHalf2x16(h).x; }

float bfloatToFloat(uint h) { return uintBitsToFloat(h << 16); }

uint floatToBfloat(float f) {
  uint b = floatBitsToUint(f);
  if ((b & 0x7fffffffu) > 0x7f800000u) return b >> 16 | 0x40u; // NaN
  return b + 0x7fffu + (b >> 16 & 1u) >> 16;
}

uint floatToHalf(float f) {
  uint b = floatBitsToUint(f), sign = b >> 16 & 0x8000u, a = b & 0x7fffffffu;
  if (a > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (a >= 0x477ff000u) return sign | 0x7c00u;  // 65520 and above round to infinity
  if (a < 0x38800000u) {
    // Below 2^-14, a multiple of 2^-24: adding 0.5 moves the last bit of the sum there, so the addition rounds for us.
    return sign | (floatBitsToUint(uintBitsToFloat(a) + 0.5) - 0x3f000000u);
  }
  a += 0xfffu + (a >> 13 & 1u);
  return sign | (a - 0x38000000u) >> 13;
}
#endif
