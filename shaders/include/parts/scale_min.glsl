// scale_min: what Q4_K and Q5_K share: 16 bytes of binary16 d and dmin, then 12 bytes of eight 6-bit (scale, min) pairs.
// Pair j < 4 lies in the low six bits of bytes j and j+4; the others in the nibbles of byte j+4, with their top two bits
// in the top bits of bytes j-4 and j.
vec2 scaleMin(uvec4 head, uint j) { // (d scale, dmin min) of pair j
  uint shift = 8u * (j & 3u);
  uint x = head.y >> shift, y = head.z >> shift, z = head.w >> shift;
  uvec2 q = j < 4u ? uvec2(x, y) & 63u : uvec2(z & 15u, z >> 4 & 15u) | (uvec2(x, y) >> 6 & 3u) << 4;
  return unpackHalf2x16(head.x) * vec2(q);
}
