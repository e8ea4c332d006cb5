// The levels of one nibble, and a fifth bit where there is one.
#include "../parts/bytes_nibbles.glsl"
