// Q4_0: 32 elements: binary16 d, 16 bytes of nibbles.   x = d (q - 8)
#define MIN 0
#define HIGH 0
#define ZERO 8
#include "../parts/nibbles.glsl"
