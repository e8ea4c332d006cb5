// halves: 32 elements with a nibble for each in 16 bytes: byte i holds element i in its low and element i+16 in its high nibble. For
// formats that give scaleOf, of 32 elements, and levelBytes. A unit of 16 elements is segment h and h+2: they share their 8 bytes.
void decode8(Row row, uint seg, out vec4 a, out vec4 b) {
  uint s = seg & 3u, shift = 4u * (s >> 1);
  uvec2 q = wordsAt2(row, 16u * (seg >> 2) + 8u * (s & 1u));
  float d = scaleOf(row, seg >> 2);
  a = d * signed4(levelBytes(q.x >> shift));
  b = d * signed4(levelBytes(q.y >> shift));
}
uvec2 segments(uint unit) { return uvec2(4u * (unit >> 1) + (unit & 1u)) + uvec2(0, 2); }
void decode16(Row row, uint unit, out vec4 v[4]) {
  uvec2 q = wordsAt2(row, 8u * unit);
  float d = scaleOf(row, unit >> 1);
  v[0] = d * signed4(levelBytes(q.x));
  v[1] = d * signed4(levelBytes(q.y));
  v[2] = d * signed4(levelBytes(q.x >> 4u));
  v[3] = d * signed4(levelBytes(q.y >> 4u));
}
