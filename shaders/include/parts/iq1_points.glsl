// iq1_points: groups of eight of the codebook of 2048 points with coordinates -1, 0 and 1, moved by an eighth up or down.
#include "codebook.glsl"
void iq1Point(uint index, float d, bool down, out vec4 a, out vec4 b) {
  uint p = codebookPoint(index);
  float delta = (down ? -0.125 : 0.125) - 1.0;
  a = d * (vec4(bytes4(apart2(p & 255u))) + delta);
  b = d * (vec4(bytes4(apart2(p >> 8))) + delta);
}
// iq1Eighths are two points in eighths, as bytes, and 9 more; up is 1 for those that are moved up.
uvec4 iq1Eighths(uint a, uint b, uvec2 up) {
  uvec2 p = uvec2(codebookPoint(a), codebookPoint(b));
  uvec4 q = uvec4(apart2(p.x & 255u), apart2(p.x >> 8), apart2(p.y & 255u), apart2(p.y >> 8));
  return (q << 3) + up.xxyy * 0x02020202u;
}
