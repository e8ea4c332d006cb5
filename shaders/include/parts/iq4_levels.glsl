// iq4_levels: the sixteen levels of the IQ4 formats, closer together around zero.
const float IQ4[16] = float[16](-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
vec4 levels4(uvec4 q) { return vec4(IQ4[q.x], IQ4[q.y], IQ4[q.z], IQ4[q.w]); }
