package simd

// Rows are vectors that lie in memory as they are stored, stride bytes from one to the next: keys or values in a cache.
type Rows struct {
	Format Stored
	Data   []byte
	Stride int
	// Ahead is how many bytes behind each row lies another that will be read soon, which a level that can asks for meanwhile; 0: none. Memory that
	// is not there does no harm.
	Ahead int
}

// Stored is the type of the elements of Rows.
type Stored uint8

const (
	F32 Stored = iota
	F16
	BF16
)

func (s Stored) bytes() int {
	if s == F32 {
		return 4
	}
	return 2
}

// rowBlock is what the lengths of Rows are multiples of.
const rowBlock = 16

// RowDots multiplies one vector by rows: out[i] = Σ x[c]·row i[c] for every i < len(out). Sums are float32, in one order for every i;
// x is whole blocks of 16 elements. It needs a level above Plain.
func (l Level) RowDots(out []float32, r Rows, x []float32) {
	if len(out) == 0 {
		return
	}
	r.check(len(out), len(x))
	l.rowDots(out, r, x)
}

// RowSums adds multiples of rows: sums[c] += Σ a[i]·row i[c], i < len(a) in this order, with float32 sums. len(sums) is whole blocks
// of 16. It needs a level above Plain.
func (l Level) RowSums(sums []float32, a []float32, r Rows) {
	if len(a) == 0 {
		return
	}
	r.check(len(a), len(sums))
	l.rowSums(sums, a, r)
}

// check refuses what would make an assembly kernel reach beyond its slices.
func (r Rows) check(n, k int) {
	if k == 0 || k%rowBlock != 0 || r.Stride < 0 || len(r.Data) < (n-1)*r.Stride+k*r.Format.bytes() {
		panic("BUG: simd: rows that are too short, or no whole blocks")
	}
}
