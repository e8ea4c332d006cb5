// e2m1: twice the value of each 4-bit float (OCP Microscaling Formats, E2M1): 0, 1, 2, 3, 4, 6, 8, 12 and, with bit 3, the same below
// zero; scales are halved instead. Four are made at once, without an array, of which drivers make a chain of comparisons, or loads.
// levelBytes has the values of the four in the bytes of q, as signed bytes. Upper halves of the bytes may be anything.
uint levelBytes(uint q) {
  uint t = q & 0x07070707u, upper = q >> 2 & 0x01010101u;    // from 4 on, what is above 4 counts twice, and 3 of it two more
  uint v = t + (t & upper * 3u) + ((t & t >> 1 & upper) << 1);
  uint s = q >> 3 & 0x01010101u, minus = (s << 8) - s;
  return minus & (0x80808080u - v ^ 0x80808080u) | ~minus & v; // no byte borrows from the next
}
