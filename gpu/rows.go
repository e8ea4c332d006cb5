package gpu

import (
	"fmt"
	"runtime"
	"sync"

	"tuff/gpu/kernel"
	"tuff/host/compute"
)

// place is where a tensor of the buffer lies on the device, and its bytes.
func (b *buffer) place(t *compute.Tensor) (off, n int64, err error) {
	want, err := kernel.LayoutOf(t.DType, t.Cols)
	if err != nil {
		return 0, 0, err
	}
	if t.Role != compute.Weight || !want.Packed() {
		if b.row.Packed() {
			return 0, 0, fmt.Errorf("got a %v with rows of %d %v in a buffer of weights of %v", t.Role, t.Cols, t.DType, b.spec.DType)
		}
		n, err = t.Bytes(compute.Sizes{})
		return t.Offset, n, err
	}
	if t.DType != b.spec.DType || t.Cols != b.spec.Cols || !b.row.Packed() {
		return 0, 0, fmt.Errorf("got rows of %d %v in a buffer of rows of %d %v, want the buffer made for them", t.Cols, t.DType, b.spec.Cols, b.spec.DType)
	}
	off, err = b.row.Offset(t.Offset)
	return off, int64(t.Rows.Fixed) * int64(b.row.Bytes), err
}

// upload writes src at byte off, as the host counts them. Weights in a layout of the device's own are written by whole rows, each
// straight to where it stays.
func (b *buffer) upload(off int64, src []byte) error {
	if !b.row.Packed() {
		return b.d.mem.Upload(b.mem, uint64(off), src)
	}
	at, err := b.row.Offset(off)
	if err != nil {
		return fmt.Errorf("gpu: upload to %q: %w", b.spec.Name, err)
	}
	if len(src)%b.row.FileBytes != 0 {
		return fmt.Errorf("gpu: upload to %q: got %d bytes, want whole rows of %d", b.spec.Name, len(src), b.row.FileBytes)
	}
	n := len(src) / b.row.FileBytes * b.row.Bytes
	return b.d.mem.UploadFunc(b.mem, uint64(at), uint64(n), func(p []byte, at uint64) error {
		packRows(&b.row, p, int(at), src)
		return nil
	})
}

// packRows writes bytes at to at+len(p) of the device's form of src into p, which it does not read. The rows at the ends may lie
// in p in part.
func packRows(l *kernel.RowLayout, p []byte, at int, src []byte) {
	first, end := at/l.Bytes, (at+len(p)+l.Bytes-1)/l.Bytes
	workers := min(runtime.GOMAXPROCS(0), 8, 1+(end-first)*l.Bytes>>20)
	var wg sync.WaitGroup
	for w := range workers {
		lo, hi := first+(end-first)*w/workers, first+(end-first)*(w+1)/workers
		wg.Go(func() {
			part := make([]byte, l.Bytes)
			for r := lo; r < hi; r++ {
				row, from := src[r*l.FileBytes:(r+1)*l.FileBytes], r*l.Bytes-at
				if from >= 0 && from+l.Bytes <= len(p) {
					l.Pack(p[from:from+l.Bytes], row)
					continue
				}
				l.Pack(part, row)
				if from < 0 {
					copy(p, part[-from:])
				} else {
					copy(p[from:], part)
				}
			}
		})
	}
	wg.Wait()
}

// unpack reads bytes off to off+len(dst), as the host counts them, of weights in the device's layout, some rows at a time.
func (b *buffer) unpack(dst []byte, off int64) error {
	l := &b.row
	const piece = 4 << 20 // bytes that are read back at a time, at least a row
	host, end := int64(l.FileBytes), off+int64(len(dst))
	rows := max(piece/l.Bytes, 1)
	raw, row := make([]byte, rows*l.Bytes), make([]byte, l.FileBytes)
	for r := off / host; r*host < end; r += int64(rows) {
		n := min(rows, int((end-r*host+host-1)/host))
		if err := b.d.mem.Download(raw[:n*l.Bytes], b.mem, uint64(r)*uint64(l.Bytes)); err != nil {
			return err
		}
		for i := range n {
			l.Unpack(row, raw[i*l.Bytes:])
			at := (r+int64(i))*host - off // of the row in dst
			if at < 0 {
				copy(dst, row[-at:])
			} else {
				copy(dst[at:], row)
			}
		}
	}
	return nil
}
