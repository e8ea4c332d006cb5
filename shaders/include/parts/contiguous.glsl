// contiguous: a unit of 16 elements is two neighbouring segments, for formats whose bytes lie in element order.
uvec2 segments(uint unit) { return uvec2(2u * unit, 2u * unit + 1u); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  decode8(row, 2u * unit, v[0], v[1]);
  decode8(row, 2u * unit + 1u, v[2], v[3]);
}
