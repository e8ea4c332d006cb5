// ahead: rows of weights are asked for one line of memory before they are read. A processor foresees the lines of a row that
// is read by itself, not those of as many rows as invocations walk side by side: drivers of CPUs waited for each of them.
// Needs rowBytes, the bytes of a row, among the parameters.
#ifndef AHEAD_GLSL
#define AHEAD_GLSL
const uint LINE = 64u; // bytes
uint asked = 0u;

// crosses says whether the unit, of so many bytes, is the first that begins in its line.
bool crosses(uint unit, uint unitBytes) { return (unit * unitBytes & LINE - 1u) < unitBytes; }

// ask reads a word of the line behind the one that has byte at of a row, or of the row's last.
void ask(uint64_t row, uint at) { asked |= U32In(row + uint64_t(min(at + LINE, rowBytes - 1u)) & ~3ul).v[0]; }

// wanted never holds. The driver does not know, and so leaves no reading out.
bool wanted() { return asked == 1u && rowBytes == 0u; }
#endif
