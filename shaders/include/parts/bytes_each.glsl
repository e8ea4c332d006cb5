// bytes_each: the two groups of 16 of a unit, each by itself.
void bytes32(Row row, uint unit, out Bytes a, out Bytes b) {
  uvec2 g = sixteens(unit);
  a = bytes16(row, g.x);
  b = bytes16(row, g.y);
}
