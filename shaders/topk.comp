// topk: the K largest elements of each row and their columns, in order; of equals the lower column comes first.
//   out[r,j] = x[r,c_j]      out[r,K+j] = c_j
// The K-th largest is found by three counts of the elements by parts of their bits (radix selection), what is larger is
// collected, then as many of its equals as are wanted, and all are sorted.
// Shapes    x [rows, cols], out [rows, 2K] f32
// Params    addresses; rows; cols: at most 2^24; wanted: K, 1 to 256, at most cols
// Spec      0 WG: power of two, 8 to 1024
// Grid      rows, folded into y; one workgroup per row
// Shared    8192 + 2048 + 4 WG + 16 bytes
// Source    host/compute/topk.go; Alabi et al., Fast K-selection Algorithms for Graphics Processing Units, 2012; twin
//           fallback/topk.go
#version 460
#include "include/grid.glsl"
#include "include/memory.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 256;

layout(push_constant) uniform Params {
  U32In x;
  U32Out o;
  uint rows;
  uint cols;
  uint wanted;
};

const uint BINS = 2048, MOST = 256;
shared uint bins[BINS];
shared uint keys[MOST];
shared uint columns[MOST];
shared uint sums[WG];
shared uint found, chosen, above, equals;

// keyOf turns the bits of a float into a number that is larger for larger floats: NaN is the largest, both zeros are equal.
uint keyOf(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0xffffffffu;
  if (bits == 0x80000000u) bits = 0u;
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

uint keyAt(uint row, uint c) { return keyOf(x.v[row + c]); }

// select finds the bin that holds the need-th largest of those counted, how many lie in higher bins, and how many in it.
void select(uint need) {
  uint lane = gl_LocalInvocationID.x, each = BINS / WG;
  uint s = 0;
  for (uint i = 0; i < each; i++) s += bins[lane * each + i];
  sums[lane] = s;
  barrier(); // every part is summed before one invocation walks them
  if (lane == 0u) {
    uint more = 0, part = WG - 1u;
    while (part > 0u && more + sums[part] < need) more += sums[part--];
    uint b = part * each + each - 1u;
    while (b > 0u && more + bins[b] < need) more += bins[b--];
    chosen = b;
    above = more;
    equals = bins[b];
  }
  barrier(); // the choice is made before everyone reads it
}

void keep(uint key, uint c) {
  uint at = atomicAdd(found, 1u);
  if (at >= MOST) return; // there are as many as wanted, unless this kernel is wrong, which its results are to show
  keys[at] = key;
  columns[at] = c;
}

void main() {
  uint r = foldedWorkgroup(), lane = gl_LocalInvocationID.x;
  if (r >= rows) return; // the fold's tail; the whole workgroup
  uint row = r * cols, need = wanted, known = 0, mask = 0;
  for (uint pass = 0; pass < 3u; pass++) {
    uint shift = pass == 0u ? 21u : pass == 1u ? 10u : 0u, part = pass == 2u ? 1023u : 2047u;
    for (uint i = lane; i < BINS; i += WG) bins[i] = 0u;
    if (lane == 0u) found = 0u;
    barrier(); // the counters are zero before anyone counts
    for (uint c = lane; c < cols; c += WG) {
      uint key = keyAt(row, c);
      if ((key & mask) == known) atomicAdd(bins[key >> shift & part], 1u);
    }
    barrier(); // everything is counted before the counts are read
    select(need);
    need -= above;
    known |= chosen << shift;
    mask |= part << shift;
  }
  // known is the key of the last one; need of its equals are wanted, those of the lowest columns.
  uint each = (cols + WG - 1u) / WG, first = min(lane * each, cols), end = min(first + each, cols);
  if (equals > need) {
    uint n = 0;
    for (uint c = first; c < end; c++) n += keyAt(row, c) == known ? 1u : 0u;
    sums[lane] = n;
    barrier(); // every part's equals are counted before the parts before it are added up
    uint before = 0;
    for (uint i = 0; i < lane; i++) before += sums[i];
    for (uint c = first; c < end && before < need; c++) {
      if (keyAt(row, c) == known) {
        keep(known, c);
        before++;
      }
    }
  }
  for (uint c = lane; c < cols; c += WG) {
    uint key = keyAt(row, c);
    if (key > known || key == known && equals == need) keep(key, c);
  }
  uint size = 1u;
  while (size < wanted) size *= 2u;
  for (uint i = wanted + lane; i < size; i += WG) {
    keys[i] = 0u; // behind everything: no number has this key
    columns[i] = 0xffffffffu;
  }
  for (uint run = 2u; run <= size; run *= 2u) {
    for (uint gap = run / 2u; gap > 0u; gap /= 2u) {
      barrier(); // the round before has exchanged what it had to
      for (uint i = lane; i < size; i += WG) {
        uint j = i ^ gap;
        if (j < i) continue;
        bool later = keys[i] < keys[j] || keys[i] == keys[j] && columns[i] > columns[j];
        if (later == ((i & run) == 0u)) {
          uint key = keys[i], c = columns[i];
          keys[i] = keys[j];
          columns[i] = columns[j];
          keys[j] = key;
          columns[j] = c;
        }
      }
    }
  }
  barrier(); // all are in order
  for (uint i = lane; i < wanted; i += WG) {
    o.v[r * 2u * wanted + i] = x.v[row + min(columns[i], cols - 1u)];
    o.v[r * 2u * wanted + wanted + i] = floatBitsToUint(float(columns[i]));
  }
}
