// bytes_pairs: a unit of 32 elements is groups g and g+2 of 16: they lie in the same 16 bytes.
uvec2 sixteens(uint unit) { return uvec2(4u * (unit >> 1) + (unit & 1u)) + uvec2(0, 2); }
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec2 g = sixteens(unit);
  a = bytes16(row, g.x);
  b = bytes16(row, g.y);
}
