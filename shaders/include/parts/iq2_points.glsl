// iq2_points: the two halves of a codebook point of eight coordinates, two bits each, of the levels 8, 25 and 43.
vec4 iq2Half(uint p) {
  uvec4 q = uvec4(p) >> uvec4(0, 2, 4, 6) & 3u;
  return mix(vec4(8.0), mix(vec4(25.0), vec4(43.0), equal(q, uvec4(2))), notEqual(q, uvec4(0)));
}
void iq2Point(uint p, float d, uint signs, out vec4 a, out vec4 b) {
  a = turned(d * iq2Half(p), signs);
  b = turned(d * iq2Half(p >> 8), signs >> 4);
}
