// iq2_points: the two halves of a codebook point of eight coordinates, two bits each, of the levels 8, 25 and 43.
uint iq2Bytes(uint p) {
  uint q = apart2(p & 255u); // 0, 1 or 2
  return 0x08080808u + q * 17u + (q >> 1 & 0x01010101u);
}
vec4 iq2Half(uint p) { return vec4(bytes4(iq2Bytes(p))); }
void iq2Point(uint p, float d, uint signs, out vec4 a, out vec4 b) {
  a = d * turned(iq2Half(p), signs);
  b = d * turned(iq2Half(p >> 8), signs >> 4);
}
// iq2Sixteen are two points as bytes.
uvec4 iq2Sixteen(uint p, uint q, uint signs) {
  return uvec4(turnedBytes(iq2Bytes(p), signs), turnedBytes(iq2Bytes(p >> 8), signs >> 4),
               turnedBytes(iq2Bytes(q), signs >> 8), turnedBytes(iq2Bytes(q >> 8), signs >> 12));
}
