// e2m1: twice the value of each 4-bit float (OCP Microscaling Formats, E2M1); scales are halved instead.
const float E2M1[16] = float[16](0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
vec4 levels4(uvec4 q) { return vec4(E2M1[q.x], E2M1[q.y], E2M1[q.z], E2M1[q.w]); }
