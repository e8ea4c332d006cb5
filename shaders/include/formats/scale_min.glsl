// scale_min: what Q4_K and Q5_K share: words of binary16 d and dmin, then 12 bytes of eight 6-bit (scale, min) pairs.
// Pair j < 4 lies in the low six bits of bytes j and j+4; the others in the nibbles of byte j+4, with their top two bits
// in the top bits of bytes j-4 and j.
vec2 scaleMin(Row row, uint at, uint j) { // (d scale, dmin min) of pair j of the block at word at
  uint shift = 8u * (j & 3u);
  uint x = row.v[at + 1u] >> shift, y = row.v[at + 2u] >> shift, z = row.v[at + 3u] >> shift;
  uvec2 q = j < 4u ? uvec2(x, y) & 63u : uvec2(z & 15u, z >> 4 & 15u) | (uvec2(x, y) >> 6 & 3u) << 4;
  return unpackHalf2x16(row.v[at]) * vec2(q);
}
uvec4 spread4(uint w, uint shift, uint mask) { return uvec4(w, w >> 8, w >> 16, w >> 24) >> shift & mask; }
