package fallback

import (
	"errors"
	"fmt"
	"math"

	"tuff/fallback/quant"
	"tuff/host/compute"
)

// fewBytes are copied although they could be used in place: norms lie between large weights, and to read one from the file maps what is
// around it too, which may have been copied and given back.
const fewBytes = 1 << 16

var errClosed = errors.New("buffer is closed")

// buffer is memory of the device, 8-byte aligned, or the caller's memory used in place.
type buffer struct {
	dev    *Device
	spec   compute.BufferSpec // without Data
	data   []byte             // nil once closed
	shared bool               // data is the caller's: never written

	interleaved bool   // rows lie in groups, as quant.Interleave leaves them
	done        func() // gives data back to its region; nil elsewhere
}

func (b *buffer) Name() string { return b.spec.Name }
func (b *buffer) Size() int64  { return b.spec.Size }

// Close releases the memory. Executables that use the buffer refuse to run afterwards.
func (b *buffer) Close() error {
	if b.data == nil && b.spec.Size > 0 {
		return fmt.Errorf("fallback: close buffer %q: %w", b.spec.Name, errClosed)
	}
	if !b.shared {
		b.dev.used.Add(-int64(len(b.data)))
	}
	b.release()
	return nil
}

// release gives the memory back.
func (b *buffer) release() {
	b.data = nil
	if b.done != nil {
		b.done()
		b.done = nil
	}
}

// InPlace says whether the buffer is the memory that it was made of.
func (b *buffer) InPlace() bool { return b.shared }

// NewBuffer makes a buffer. Weights in the caller's memory are used in place when float32 values in it would be aligned.
func (d *Device) NewBuffer(s compute.BufferSpec) (compute.Buffer, error) {
	if s.Size < 0 || s.Size > math.MaxInt-8 {
		return nil, fmt.Errorf("fallback: make buffer %q: got %d bytes", s.Name, s.Size)
	}
	if s.Data != nil && int64(len(s.Data)) != s.Size {
		return nil, fmt.Errorf("fallback: make buffer %q: got %d bytes of data, want %d", s.Name, len(s.Data), s.Size)
	}
	if s.DType != compute.NoDType {
		if n, err := s.DType.Bytes(s.Rows, s.Cols); err != nil || n != s.Size {
			return nil, fmt.Errorf("fallback: make buffer %q: got %d bytes for [%d, %d] %v", s.Name, s.Size, s.Rows, s.Cols, s.DType)
		}
	}
	if s.Data != nil && s.Usage == compute.UseWeights && s.Size > 0 {
		if b, err := d.copied(s); b != nil || err != nil {
			return b, err
		}
		_, err := compute.Float32s(s.Data[:s.Size&^3])
		inPlace := err == nil || (s.DType != compute.F32 && s.DType != compute.NoDType)
		if few := s.Among >= hugePage && s.Size <= fewBytes; inPlace && !few {
			b := &buffer{dev: d, spec: s, data: s.Data, shared: true}
			b.spec.Data = nil
			return b, nil
		}
	}
	// A refused allocation ends the process in Go, so the system is asked first.
	if total, _ := memory(); total > 0 && s.Size > total-d.used.Load() {
		return nil, fmt.Errorf("fallback: make buffer %q: got %d bytes, want at most the %d of the machine less %d in use",
			s.Name, s.Size, total, d.used.Load())
	}
	b := &buffer{dev: d, spec: s, data: aligned(s.Size)}
	b.spec.Data = nil
	copy(b.data, s.Data)
	d.used.Add(s.Size)
	return b, nil
}

// copied is a copy of weights in huge pages, or nil where they are as good where they lie.
func (d *Device) copied(s compute.BufferSpec) (compute.Buffer, error) {
	interleaved := s.Rows > 0 && s.Rows%quant.InterleavedRows == 0 && quant.Interleaved(d.level, s.DType)
	if s.Lookup || s.Among < s.Size || s.Among < hugePage || s.Among > d.cache && (s.Among > d.memory/2 || s.DType.BlockLen() <= 1) {
		return nil, nil
	}
	data, done := d.regions.take(s.Size, s.Among)
	if data == nil {
		return nil, nil
	}
	c := newCopying(data, s, interleaved)
	if err := d.pool.run(c, ceil(len(data), c.size)); err != nil {
		done()
		return nil, fmt.Errorf("fallback: make buffer %q: %w", s.Name, err)
	}
	b := &buffer{dev: d, spec: s, data: data, done: done, interleaved: interleaved}
	b.spec.Data = nil
	d.used.Add(s.Size)
	return b, nil
}

// aligned makes size zero bytes that may be viewed as float32.
func aligned(size int64) []byte {
	if size == 0 {
		return []byte{}
	}
	return compute.Bytes(make([]float32, (size+3)/4))[:size]
}

// Upload writes src into a buffer. A buffer in the caller's memory gets a copy of its own first.
func (d *Device) Upload(dst compute.Buffer, off int64, src []byte) error {
	b, err := d.own(dst, off, len(src))
	if err != nil {
		return fmt.Errorf("fallback: upload: %w", err)
	}
	switch {
	case b.shared:
		data := aligned(b.spec.Size)
		copy(data, b.data)
		b.data, b.shared = data, false
		d.used.Add(b.spec.Size)
	case b.interleaved:
		data := aligned(b.spec.Size)
		b.read(data, 0)
		b.release()
		b.data, b.interleaved = data, false
	}
	copy(b.data[off:], src)
	return nil
}

// Download reads from a buffer.
func (d *Device) Download(dst []byte, src compute.Buffer, off int64) error {
	b, err := d.own(src, off, len(dst))
	if err != nil {
		return fmt.Errorf("fallback: download: %w", err)
	}
	b.read(dst, off)
	return nil
}

// own checks that b is an open buffer of this device with n bytes at off.
func (d *Device) own(buf compute.Buffer, off int64, n int) (*buffer, error) {
	b, ok := buf.(*buffer)
	switch {
	case !ok || b.dev != d:
		return nil, errors.New("got a buffer of another device")
	case b.data == nil:
		return nil, fmt.Errorf("%q: %w", b.spec.Name, errClosed)
	case off < 0 || off > b.spec.Size || int64(n) > b.spec.Size-off:
		return nil, fmt.Errorf("%q: got bytes %d+%d, want within %d", b.spec.Name, off, n, b.spec.Size)
	}
	return b, nil
}
