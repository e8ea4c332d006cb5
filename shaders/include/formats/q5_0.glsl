// Q5_0: 32 elements: binary16 d, 32 high bits, 16 bytes of nibbles.   x = d (q - 16)
#define MIN 0
#define HIGH 1
#define ZERO 16
#include "../parts/nibbles.glsl"
