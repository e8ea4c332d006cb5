// bytes: pieces of a row of 16-bit words, at even byte addresses unless said otherwise.
uint byteAt(Row row, uint at) { return uint(row.v[at >> 1]) >> (8u * (at & 1u)) & 255u; } // any address
uint wordAt(Row row, uint at) { return uint(row.v[at >> 1]); }
uint longAt(Row row, uint at) { return wordAt(row, at) | wordAt(row, at + 2u) << 16; }
uvec4 bytes4(Row row, uint at) {
  uint w0 = wordAt(row, at), w1 = wordAt(row, at + 2u);
  return uvec4(w0 & 255u, w0 >> 8, w1 & 255u, w1 >> 8);
}
float halfAt(Row row, uint at) { return halfToFloat(wordAt(row, at)); }
