// activation: the functions of host/compute/activation.go, by its numbers. Twin: fallback/activation.go.
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL
#include "silu.glsl"
#include "tanh.glsl"

const uint FN_SILU = 0, FN_GELU = 1, FN_GELU_TANH = 2, FN_RELU = 3, FN_RELU2 = 4, FN_SIGMOID = 5, FN_TANH = 6;
const uint FN_CLAMPED_SILU = 7, FN_IDENTITY = 8;

// erfcPositive is the complementary error function for z >= 0, to within 1.2e-7 of its value, with exp left out:
// erfc(z) = t exp(-z^2 + p(t)). Source: Press et al., Numerical Recipes, 2nd edition, section 6.2 (erfcc, Chebyshev fit).
float erfcPositive(float z) {
  float t = 1.0 / (1.0 + 0.5 * z);
  float p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
            t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  return t * exp(p) * exp(-z * z);
}

// gelu: x/2 erfc(-x/sqrt 2), from the side on which nothing cancels.
float gelu(float x) {
  float half_ = 0.5 * erfcPositive(abs(x) * 0.70710678);
  return x < 0.0 ? x * half_ : x * (1.0 - half_);
}

// sigmoidOf(y, x) is x / (1 + exp(-y)), written as silu is so that no infinity arises.
float sigmoidOf(float y, float x) {
  float h = exp(0.5 * min(y, 0.0));
  return x * h * h / (1.0 + exp(-abs(y)));
}

float activate(uint fn, float x) {
  switch (fn) {
    case FN_GELU: return gelu(x);
    // sqrt(8/pi): (1 + tanh(y))/2 is the sigmoid of 2y; beyond 1e4 the argument's cube is not needed.
    case FN_GELU_TANH: {
      float c = clamp(x, -1.0e4, 1.0e4);
      return sigmoidOf(1.5957691216 * (c + 0.044715 * c * c * c), x);
    }
    case FN_RELU: return max(x, 0.0);
    case FN_RELU2: return max(x, 0.0) * max(x, 0.0);
    case FN_SIGMOID: return sigmoidOf(x, 1.0);
    case FN_TANH: return tanhExact(x);
    case FN_IDENTITY: return x;
    case FN_CLAMPED_SILU: return sigmoidOf(1.702 * min(x, 7.0), min(x, 7.0));
  }
  return silu(x);
}

// gated is up behind a gate of x; that of clamped SiLU is clamped too.
float gated(uint fn, float x, float up) {
  return activate(fn, x) * (fn == FN_CLAMPED_SILU ? clamp(up, -7.0, 7.0) + 1.0 : up);
}
#endif
