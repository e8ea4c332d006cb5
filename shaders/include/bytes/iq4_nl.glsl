// The levels of iq4_levels.glsl are whole numbers.
#include "../parts/bytes_halves.glsl"
