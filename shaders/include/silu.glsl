// silu(x) = x / (1 + exp(-x)). The exponent is clamped so that no infinity arises; below -88 the result is 0 to within
// the smallest normal float. Source: Elfwing et al., Sigmoid-weighted linear units, 2017.
#ifndef SILU_GLSL
#define SILU_GLSL
float silu(float x) { return x / (1.0 + exp(min(-x, 88.0))); }
#endif
