// segment: 8 activations of a row. To be included behind the parameters x and k and the constant X4, which is 1 when rows of x
// are 16-byte aligned.
#ifndef SEGMENT_GLSL
#define SEGMENT_GLSL
void segment(uint r, uint seg, out vec4 a, out vec4 b) {
  uint at = r * k + 8u * seg;
  if (X4 == 1) {
    F32x4In x4 = F32x4In(uint64_t(x));
    a = x4.v[at >> 2];
    b = x4.v[(at >> 2) + 1u];
  } else {
    a = vec4(x.v[at], x.v[at + 1u], x.v[at + 2u], x.v[at + 3u]);
    b = vec4(x.v[at + 4u], x.v[at + 5u], x.v[at + 6u], x.v[at + 7u]);
  }
}
#endif
