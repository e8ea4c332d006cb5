package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"

	"tuff/host/compute"
)

// matrix is a source of rows: bytes of a file as they lie there, or made from them when they are asked for.
type matrix struct {
	dtype      compute.DType
	rows, cols int
	raw        *rawTensor // set where the matrix is this tensor's bytes, unchanged
	unit       int        // rows are made this many at a time
	// fill writes whole units of rows, from row first on.
	fill func(f *File, first int, dst []byte)
}

// computed is a tensor whose bytes are made on first use and kept until Release.
type computed struct {
	m    matrix
	lock sync.Mutex
	data []byte
}

func (m *matrix) rowBytes() int {
	n, err := m.dtype.RowBytes(m.cols)
	if err != nil {
		panic("BUG: weights: matrix of broken rows: " + err.Error())
	}
	return int(n)
}

// bytes makes the tensor, or returns what is there.
func (c *computed) bytes(f *File) []byte {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.data == nil {
		c.data = c.m.bytes(f)
	}
	return c.data
}

func (c *computed) release() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.data = nil
}

// bytes makes all rows, on all cores. A fault in the mapped file is a panic of the caller's goroutine, which ReadInto takes.
func (m *matrix) bytes(f *File) []byte {
	row := m.rowBytes()
	dst := make([]byte, m.rows*row)
	units := m.rows / m.unit
	workers := min(runtime.GOMAXPROCS(0), units)
	faults := make([]any, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			defer func() { faults[w] = recover() }()
			debug.SetPanicOnFault(true)
			for u := w * units / workers; u < (w+1)*units/workers; u++ {
				first := u * m.unit
				m.fill(f, first, dst[first*row:(first+m.unit)*row])
			}
		})
	}
	wg.Wait()
	for _, fault := range faults {
		if fault != nil {
			panic(fault)
		}
	}
	return dst
}

// stored is a tensor as it lies in its file, seen as a matrix of rows of its last dimension.
func stored(t *rawTensor) (matrix, error) {
	dt, ok := plainTypes[t.dtype]
	if !ok {
		return matrix{}, fmt.Errorf("type %s", t.dtype)
	}
	rows, cols := 1, t.elements()
	if len(t.shape) > 1 {
		cols = t.shape[len(t.shape)-1]
		rows = t.elements() / max(cols, 1)
	}
	if rows*cols == 0 {
		return matrix{}, fmt.Errorf("no elements")
	}
	return storedAs(t, dt, rows, cols), nil
}

func storedAs(t *rawTensor, dt compute.DType, rows, cols int) matrix {
	row := int(t.size) / rows
	return matrix{dtype: dt, rows: rows, cols: cols, raw: t, unit: 1, fill: func(f *File, first int, dst []byte) {
		copy(dst, f.rawBytes(t)[first*row:])
	}}
}

func (f *File) rawBytes(t *rawTensor) []byte { return f.shards[t.shard].data[t.off : t.off+t.size] }

// pick is n rows of m, of which row i is m's row from(i). m makes rows one at a time.
func (m matrix) pick(n int, from func(i int) int) matrix {
	return matrix{dtype: m.dtype, rows: n, cols: m.cols, unit: 1, fill: func(f *File, first int, dst []byte) { m.fill(f, from(first), dst) }}
}

// reshaped is a stored matrix with its elements in rows of another length.
func (m matrix) reshaped(rows, cols int) matrix { return storedAs(m.raw, m.dtype, rows, cols) }

// stack is matrices of one shape under each other.
func stack(list []matrix) matrix {
	m := list[0]
	return matrix{dtype: m.dtype, rows: m.rows * len(list), cols: m.cols, unit: 1, fill: func(f *File, first int, dst []byte) {
		list[first/m.rows].fill(f, first%m.rows, dst)
	}}
}

// transposed takes m as blocks of r rows and makes rows of n of their columns: row j of a block is column from(j).
func (m matrix) transposed(r, n int, from func(j int) int) matrix {
	width, row := m.dtype.BlockBytes(), m.rowBytes()
	return matrix{dtype: m.dtype, rows: m.rows / r * n, cols: r, unit: n, fill: func(f *File, first int, dst []byte) {
		block := make([]byte, r*row)
		for i := range r {
			m.fill(f, first/n*r+i, block[i*row:(i+1)*row])
		}
		for j := range n {
			at := from(j) * width
			for i := range r {
				copy(dst[(j*r+i)*width:(j*r+i+1)*width], block[i*row+at:])
			}
		}
	}}
}

// plusOne is m + 1 in float32: Gemma's norms multiply by one more than what is stored.
func (m matrix) plusOne() matrix {
	return matrix{dtype: compute.F32, rows: m.rows, cols: m.cols, unit: 1, fill: func(f *File, first int, dst []byte) {
		src := make([]byte, m.rowBytes())
		m.fill(f, first, src)
		for i := range m.cols {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(plainAt(m.dtype, src, i)+1))
		}
	}}
}

// plainAt is element i of plain numbers.
func plainAt(dt compute.DType, b []byte, i int) float32 {
	switch dt {
	case compute.F32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	case compute.F16:
		return compute.F16ToF32(binary.LittleEndian.Uint16(b[2*i:]))
	case compute.BF16:
		return compute.BF16ToF32(binary.LittleEndian.Uint16(b[2*i:]))
	}
	panic(fmt.Sprintf("BUG: weights: plain element of type %v", dt))
}

// listed is numbers that the reader itself made.
func listed(v []float32) matrix {
	return matrix{dtype: compute.F32, rows: 1, cols: len(v), unit: 1, fill: func(_ *File, _ int, dst []byte) {
		for i, x := range v {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	}}
}

// e4m3 is the value of every 8-bit float of 4 exponent bits (bias 7) and 3 mantissa bits; 0x7f and 0xff are not numbers, and
// there are no infinities. Source: Micikevicius et al., FP8 Formats for Deep Learning, 2022, table 1.
var e4m3 = func() (t [256]float32) {
	for i := range t {
		exp, man := i>>3&15, float64(i&7)
		v := math.Ldexp(1+man/8, exp-7)
		switch {
		case exp == 0:
			v = math.Ldexp(man/8, -6)
		case i&0x7f == 0x7f:
			v = math.NaN()
		}
		if i >= 128 {
			v = -v
		}
		t[i] = float32(v)
	}
	return t
}()

// fp8 is a matrix of e4m3 times its scales: one for all, one for each row, or one for each block of rows and columns. The result
// is BF16 where that is exact, which it is for scales that are powers of two, and otherwise float32.
func fp8(f *File, t, scales *rawTensor, blockRows, blockCols int) (matrix, error) {
	if len(t.shape) < 2 || t.size == 0 {
		return matrix{}, fmt.Errorf("shape %v of F8_E4M3, want a matrix", t.shape)
	}
	cols := t.shape[len(t.shape)-1]
	rows := t.elements() / cols
	bm, err := stored(scales)
	if err != nil {
		return matrix{}, fmt.Errorf("scales: %w", err)
	}
	across := 1 // scales in a row of blocks
	switch n := scales.elements(); {
	case n == 1:
		blockRows, blockCols = rows, cols
	case n == rows:
		blockRows, blockCols = 1, cols
	case len(scales.shape) == 2 && blockRows > 0 && blockCols > 0 && len(t.shape) == 2 &&
		scales.shape[0] == (rows+blockRows-1)/blockRows && scales.shape[1] == (cols+blockCols-1)/blockCols:
		across = scales.shape[1]
	default:
		return matrix{}, fmt.Errorf("scales of shape %v for a matrix [%d, %d] in blocks [%d, %d]", scales.shape, rows, cols, blockRows, blockCols)
	}
	raw := f.rawBytes(scales)
	scale := make([]float32, scales.elements())
	dt := compute.BF16
	for i := range scale {
		scale[i] = plainAt(bm.dtype, raw, i)
		// A power of two far enough from the ends of the range leaves the three mantissa bits as they are.
		if frac, exp := math.Frexp(float64(scale[i])); frac != 0.5 || exp < -100 || exp > 100 {
			dt = compute.F32
		}
	}
	return matrix{dtype: dt, rows: rows, cols: cols, unit: 1, fill: func(f *File, first int, dst []byte) {
		src := f.rawBytes(t)[first*cols : (first+1)*cols]
		line := scale[first/blockRows*across:]
		for i, b := range src {
			v := math.Float32bits(e4m3[b] * line[i/blockCols])
			if dt == compute.BF16 {
				binary.LittleEndian.PutUint16(dst[2*i:], uint16(v>>16))
			} else {
				binary.LittleEndian.PutUint32(dst[4*i:], v)
			}
		}
	}}, nil
}

// mxfp4 is blocks of 32 four-bit floats and their 8-bit exponents as GGUF's MXFP4: the exponent, then 16 bytes of elements i
// (low half) and i+16 (high half). The checkpoint has elements 2i and 2i+1 in byte i, and exponents in a tensor of their own.
// Source: OCP Microscaling Formats, 2023, section 5.3, and openai/gpt-oss, torch/weights.py.
func mxfp4(blocks, scales *rawTensor) (matrix, error) {
	n := len(blocks.shape)
	if blocks.dtype != "U8" || scales.dtype != "U8" || n < 3 || blocks.shape[n-1] != 16 || len(scales.shape) != n-1 || blocks.size != 16*scales.size || blocks.size == 0 {
		return matrix{}, fmt.Errorf("blocks %s %v with scales %s %v, want U8 […, n, 16] and U8 […, n]", blocks.dtype, blocks.shape, scales.dtype, scales.shape)
	}
	perRow := blocks.shape[n-2]
	rows := blocks.elements() / (16 * perRow)
	return matrix{dtype: compute.MXFP4, rows: rows, cols: 32 * perRow, unit: 1, fill: func(f *File, first int, dst []byte) {
		qs, es := f.rawBytes(blocks)[first*perRow*16:], f.rawBytes(scales)[first*perRow:]
		for b := range perRow {
			q, out := qs[16*b:16*b+16], dst[17*b:17*b+17]
			out[0] = es[b]
			for i := range 16 {
				lo, hi := q[i/2]>>(4*(i%2))&15, q[8+i/2]>>(4*(i%2))&15
				out[1+i] = lo | hi<<4
			}
		}
	}}, nil
}
