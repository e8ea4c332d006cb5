// Q5_1: 32 elements: binary16 d and m, 32 high bits, 16 bytes of nibbles.   x = d q + m
#define MIN 1
#define HIGH 1
#define ZERO 0
#include "../parts/nibbles.glsl"
