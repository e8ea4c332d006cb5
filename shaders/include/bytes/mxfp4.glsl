// Twice the values of e2m1.glsl are whole numbers, and scaleOf is half of the scale.
#include "../parts/bytes_halves.glsl"
