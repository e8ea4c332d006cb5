// silu(x) = x / (1 + exp(-x)). No exponential of a positive number is taken, so that no infinity arises; below zero the
// result is x exp(x/2) exp(x/2) / (1 + exp(x)), whose factors are normal floats for as long as the result is one.
// Source: Elfwing et al., Sigmoid-weighted linear units, 2017.
#ifndef SILU_GLSL
#define SILU_GLSL
float silu(float x) {
  float d = 1.0 + exp(-abs(x)), h = exp(0.5 * min(x, 0.0));
  return x * h * h / d;
}
#endif
