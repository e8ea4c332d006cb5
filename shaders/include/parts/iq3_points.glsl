// iq3_points: points of four coordinates, whose bytes pointBytes gives, and four of them with their signs.
vec4 point4(uint index) { return vec4(bytes4(pointBytes(index))); }
uvec4 iq3Sixteen(uvec4 index, uint signs) {
  return uvec4(turnedBytes(pointBytes(index.x), signs), turnedBytes(pointBytes(index.y), signs >> 4),
               turnedBytes(pointBytes(index.z), signs >> 8), turnedBytes(pointBytes(index.w), signs >> 12));
}
