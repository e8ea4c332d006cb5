// signs: the IQ2 and IQ3 formats choose groups of magnitudes from a codebook and give each its sign. Where only seven sign
// bits are stored, the eighth makes the number of minus signs even.
uint evenSigns(uint b) {
  b &= 127u;
  return b | (uint(bitCount(b)) & 1u) << 7;
}
// turned is v, which is positive, with the signs of the low four bits.
vec4 turned(vec4 v, uint signs) {
  return uintBitsToFloat(floatBitsToUint(v) | (uvec4(signs) << uvec4(31, 30, 29, 28) & 0x80000000u));
}
// turnedBytes are the bytes of w, none of which is 0, with the signs of the low four bits.
uint turnedBytes(uint w, uint signs) {
  signs = apart1(signs & 15u);
  return (w ^ signs * 255u) + signs;
}
