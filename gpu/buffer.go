package gpu

import (
	"errors"
	"fmt"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/host/compute"
)

// buffer is device memory that the host asked for.
type buffer struct {
	d    *Device
	mem  *memory.Buffer
	spec compute.BufferSpec
	row  kernel.RowLayout // of weights
}

func (b *buffer) Name() string { return b.spec.Name }
func (b *buffer) Size() int64  { return b.spec.Size }

// Close gives the memory back, once the device is done with it.
func (b *buffer) Close() error {
	if b.mem == nil || b.d.mem == nil {
		return nil // the device went first and took its memory along
	}
	err := b.d.mem.Flush()
	err = errors.Join(err, b.mem.Close())
	b.mem = nil
	return err
}

// NewBuffer implements compute.Device. Weights are copied: straight into the device's memory where the host reaches it, so
// that nothing is held twice, else through a staging ring; on the way their rows are laid out as kernels read them.
func (d *Device) NewBuffer(s compute.BufferSpec) (compute.Buffer, error) {
	if s.Size <= 0 || (s.Data != nil && int64(len(s.Data)) != s.Size) {
		return nil, fmt.Errorf("gpu: make buffer %q: got %d bytes with %d of data, want equal numbers above 0", s.Name, s.Size, len(s.Data))
	}
	b := &buffer{d: d, spec: s}
	size := s.Size
	if s.DType != compute.NoDType {
		want, err := s.DType.Bytes(s.Rows, s.Cols)
		if err != nil {
			return nil, fmt.Errorf("gpu: make buffer %q: %w", s.Name, err)
		}
		if want != s.Size {
			return nil, fmt.Errorf("gpu: make buffer %q: got %d bytes for [%d, %d] %v, want %d", s.Name, s.Size, s.Rows, s.Cols, s.DType, want)
		}
		if s.Usage == compute.UseWeights {
			if b.row, err = kernel.LayoutOf(s.DType, s.Cols); err != nil {
				return nil, fmt.Errorf("gpu: make buffer %q: %w", s.Name, err)
			}
			size = int64(s.Rows) * int64(b.row.Bytes)
		}
	}
	purpose := memory.Weights
	switch s.Usage {
	case compute.UseState:
		purpose = memory.State
	case compute.UseReadback:
		purpose = memory.Readback
	}
	// Kernels read whole words, so the last one must exist.
	m, err := d.mem.Alloc(purpose, roundUp(uint64(size), 4), s.Name)
	if err != nil {
		return nil, err
	}
	b.mem = m
	if s.Data != nil {
		err = b.upload(0, s.Data)
	} else {
		err = d.mem.Fill(m, 0, m.Size(), 0)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.spec.Data = nil
	return b, nil
}

// own finds the buffer behind a handle and checks a range of it.
func (d *Device) own(verb string, h compute.Buffer, off int64, n int) (*buffer, error) {
	b, ok := h.(*buffer)
	if !ok || b.d != d || b.mem == nil {
		return nil, fmt.Errorf("gpu: %s: got a closed or foreign buffer", verb)
	}
	if off < 0 || int64(n) > b.spec.Size-off {
		return nil, fmt.Errorf("gpu: %s %q: got bytes %d+%d, want within %d", verb, b.spec.Name, off, n, b.spec.Size)
	}
	return b, nil
}

// Upload implements compute.Device.
func (d *Device) Upload(dst compute.Buffer, off int64, src []byte) error {
	b, err := d.own("upload to", dst, off, len(src))
	if err != nil {
		return err
	}
	return b.upload(off, src)
}

// Download implements compute.Device. Every recording ends with a barrier to the host and every run with a wait, so memory
// made for reading back is only copied.
func (d *Device) Download(dst []byte, src compute.Buffer, off int64) error {
	b, err := d.own("download from", src, off, len(dst))
	if err != nil {
		return err
	}
	if b.row.Packed() {
		return b.unpack(dst, off)
	}
	if bytes := b.mem.Bytes(); bytes != nil && b.spec.Usage == compute.UseReadback {
		copy(dst, bytes[off:])
		return nil
	}
	return d.mem.Download(dst, b.mem, uint64(off))
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }
