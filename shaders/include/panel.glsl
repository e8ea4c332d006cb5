// panel: what the tiled multiplications share: the staging of weights. To be included behind the parameters k and rowBytes, the
// constants WG, BM and BK, and the shared array sw, which holds a panel transposed: element e of row m at e (BM+1) + m.
#ifndef PANEL_GLSL
#define PANEL_GLSL
// stageWeights decodes BM rows by BK elements from element k0 on into sw, from place at on.
void stageWeights(Row w, uint n, uint first, uint k0, uint at) {
  for (uint i = gl_LocalInvocationID.x; i < BM * BK / 8u; i += WG) {
    uint m = i / (BK / 8u), e = i % (BK / 8u) * 8u, kk = k0 + e;
    float v[8] = float[8](0, 0, 0, 0, 0, 0, 0, 0);
    if (first + m < n) {
      Row row = rowAt(w, first + m, rowBytes);
      if (kk + 8u <= k) {
        vec4 a, b;
        decode8(row, kk / 8u, a, b);
        v = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
      }
#if BLOCK_LEN == 1
      else {
        [[unroll]] for (uint j = 0; j < 8u; j++) if (kk + j < k) v[j] = decode1(row, kk + j);
      }
#endif
    }
    [[unroll]] for (uint j = 0; j < 8u; j++) sw[at + (e + j) * (BM + 1u) + m] = v[j];
  }
}
#endif
