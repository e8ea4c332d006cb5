// iq4_levels: the sixteen levels of the IQ4 formats, closer together around zero: -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38,
// 53, 69, 89 and 113. Drivers make an array of constants a chain of comparisons for each index, or loads; here the levels of four
// indices are chosen at once, by a tree of fifteen choices between bytes.
#define LEVEL(x) (uint((x) & 255) * 0x01010101u)
uint chosen(uint mask, uint one, uint zero) { return mask & one | ~mask & zero; }
// bytesWith has 255 in each byte in which w has the bit.
uint bytesWith(uint w, uint bit) {
  uint b = w >> bit & 0x01010101u;
  return (b << 8) - b;
}
// levelBytes has the levels of the four indices in the bytes of q, as signed bytes. Upper halves of the bytes may be anything.
uint levelBytes(uint q) {
  uint m = bytesWith(q, 0u), n = bytesWith(q, 1u);
  uint a = chosen(n, chosen(m, LEVEL(-65), LEVEL(-83)), chosen(m, LEVEL(-104), LEVEL(-127)));
  uint b = chosen(n, chosen(m, LEVEL(-10), LEVEL(-22)), chosen(m, LEVEL(-35), LEVEL(-49)));
  uint c = chosen(n, chosen(m, LEVEL(38), LEVEL(25)), chosen(m, LEVEL(13), LEVEL(1)));
  uint d = chosen(n, chosen(m, LEVEL(113), LEVEL(89)), chosen(m, LEVEL(69), LEVEL(53)));
  m = bytesWith(q, 2u);
  return chosen(bytesWith(q, 3u), chosen(m, d, c), chosen(m, b, a));
}
