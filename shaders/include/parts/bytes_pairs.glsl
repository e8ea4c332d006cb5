// bytes_pairs: a unit of 32 elements is groups g and g+2 of 16: they lie in the same 16 bytes.
uvec2 sixteens(uint unit) { return uvec2(4u * (unit >> 1) + (unit & 1u)) + uvec2(0, 2); }
#include "bytes_each.glsl"
