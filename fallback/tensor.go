package fallback

import (
	"fmt"

	"tuff/fallback/quant"
	"tuff/host/compute"
)

// tensor is a declared tensor bound to memory.
type tensor struct {
	*compute.Tensor
	buf      *buffer
	off      int64 // bytes into buf
	rowBytes int64
}

// bytes are rows [lo, hi) as stored.
func (t *tensor) bytes(lo, hi int) []byte {
	return t.buf.data[t.off+int64(lo)*t.rowBytes : t.off+int64(hi)*t.rowBytes]
}

// behind is as much of n rows from row lo on as the buffer has: what a product asks for ahead of time.
func (t *tensor) behind(lo, n int) []byte {
	end := int64(len(t.buf.data))
	from := t.off + int64(lo)*t.rowBytes
	return t.buf.data[min(from, end):min(from+int64(n)*t.rowBytes, end)]
}

// resume is part i, of size elements, of the row that a sequence's state goes to, with what the row it comes from has, or zeros where the
// sequence begins.
func (t *tensor) resume(s *compute.Step, q *compute.Seq, i, size int) []float32 {
	part := t.row(q.StateOut)[i*size : (i+1)*size]
	if s.Pos[q.First] != 0 {
		copy(part, t.row(q.StateIn)[i*size:(i+1)*size])
	} else {
		clear(part)
	}
	return part
}

// floats are rows [lo, hi) of a float32 tensor, without a copy. Compile has checked the alignment.
func (t *tensor) floats(lo, hi int) []float32 {
	f, err := compute.Float32s(t.bytes(lo, hi))
	if err != nil {
		panic(fmt.Sprintf("BUG: %s: %v", t.Name, err))
	}
	return f
}

// row is row r of a float32 tensor.
func (t *tensor) row(r int) []float32 { return t.floats(r, r+1) }

// decode gives rows [lo, hi) as float32: a view for float32 tensors, otherwise decoded into dst, which must be long enough.
func (t *tensor) decode(dst []float32, lo, hi int) []float32 {
	if t.DType == compute.F32 {
		return t.floats(lo, hi)
	}
	dst = dst[:(hi-lo)*t.Cols]
	if t.buf.interleaved {
		for i := range hi - lo {
			t.decodeRow(dst[i*t.Cols:][:t.Cols], lo+i, 0)
		}
		return dst
	}
	if err := quant.Decode(t.DType, dst, t.bytes(lo, hi)); err != nil {
		panic(fmt.Sprintf("BUG: %s: %v", t.Name, err)) // Compile tried the format, Check the shape
	}
	return dst
}

// bind resolves a tensor that has a buffer.
func (d *Device) bind(t *compute.Tensor, b compute.Buffer, off int64) (*tensor, error) {
	own, ok := b.(*buffer)
	if !ok || own.dev != d {
		return nil, fmt.Errorf("tensor %q: got a buffer of another device", t.Name)
	}
	row, err := t.DType.RowBytes(t.Cols)
	if err != nil {
		return nil, err
	}
	if t.DType == compute.F32 && off%4 != 0 {
		return nil, fmt.Errorf("tensor %q: got float32 at byte %d, want a multiple of 4", t.Name, off)
	}
	return &tensor{Tensor: t, buf: own, off: off, rowBytes: row}, nil
}
