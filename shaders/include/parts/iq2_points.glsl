// iq2_points: the two halves of a codebook point of eight coordinates, two bits each, of the levels 8, 25 and 43.
vec4 iq2Half(uint p) {
  uint q = apart2(p & 255u); // 0, 1 or 2
  return vec4(bytes4(0x08080808u + q * 17u + (q >> 1 & 0x01010101u)));
}
void iq2Point(uint p, float d, uint signs, out vec4 a, out vec4 b) {
  a = d * turned(iq2Half(p), signs);
  b = d * turned(iq2Half(p >> 8), signs >> 4);
}
