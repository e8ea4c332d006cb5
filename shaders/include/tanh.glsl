// tanhExact: the language's tanh inherits errors of sinh/cosh and may overflow. Here: the Taylor series to x^9 below 0.3
// (relative truncation 5e-8), otherwise 1 - 2/(exp(2x)+1), whose cancellation is harmless there.
#ifndef TANH_GLSL
#define TANH_GLSL
float tanhExact(float x) {
  float a = abs(x), s = x * x;
  if (a < 0.3) return x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  float t = 1.0 - 2.0 / (exp(2.0 * min(a, 20.0)) + 1.0);
  return x < 0.0 ? -t : t;
}
#endif
