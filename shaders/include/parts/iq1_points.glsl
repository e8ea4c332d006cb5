// iq1_points: groups of eight of the codebook of 2048 points with coordinates -1, 0 and 1, moved by an eighth up or down.
#include "codebook.glsl"
void iq1Point(uint index, float d, bool down, out vec4 a, out vec4 b) {
  uint p = codebookPoint(index);
  float delta = (down ? -0.125 : 0.125) - 1.0;
  a = d * (vec4(uvec4(p) >> uvec4(0, 2, 4, 6) & 3u) + delta);
  b = d * (vec4(uvec4(p) >> uvec4(8, 10, 12, 14) & 3u) + delta);
}
