package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
	"tuff/host/weights"
)

// fill makes the buffers of all tensors the program names.
func (b *Builder) fill(ctx context.Context, m *Model, progress func(done, total int64)) error {
	var total int64
	for _, w := range b.wanted {
		if n, err := b.p.At(w.ref).Bytes(compute.Sizes{}); err != nil {
			return err
		} else if b.p.At(w.ref).Role == compute.Weight && w.parent == 0 {
			total += n
		}
	}
	for _, w := range b.wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := b.p.At(w.ref)
		if w.parent > 0 {
			if err := b.place(t, &w); err != nil {
				return err
			}
			continue
		}
		size, _ := t.Bytes(compute.Sizes{}) // taken without error above
		spec := compute.BufferSpec{Name: t.Name, Usage: compute.UseWeights, Size: size, DType: t.DType, Rows: t.Rows.Fixed, Cols: t.Cols, Among: total, Lookup: w.embed}
		switch {
		case t.Role == compute.State:
			spec.Usage = compute.UseState
		case w.table != nil:
			spec.Data = floatBytes(w.table)
		default:
			spec.Data = b.f.Data(w.t)
			spec.Taken = func(lo, hi int64) {
				_ = b.f.ReleasePart(w.t, lo, hi) // an error of this comes again below
			}
		}
		buf, err := m.device.NewBuffer(spec)
		if err != nil {
			return err
		}
		t.Buffer = buf
		m.buffers = append(m.buffers, buf)
		if w.table == nil && t.Role == compute.Weight && !inPlace(buf) {
			if err := b.f.Release(w.t); err != nil { // the device has a copy: in the same memory the file's would be a second one
				return err
			}
		}
		if t.Role == compute.State {
			m.StateBytes += size
			continue
		}
		m.WeightBytes += size
		if w.embed {
			m.EmbedBytes += size
		}
		if progress != nil {
			progress(m.WeightBytes, total)
		}
	}
	return nil
}

// inPlace says whether a buffer is the memory that it was made of.
func inPlace(b compute.Buffer) bool {
	p, ok := b.(interface{ InPlace() bool })
	return ok && p.InPlace()
}

// place puts a part into the buffer of the tensor that it is a part of.
func (b *Builder) place(t *compute.Tensor, w *wanted) error {
	whole := b.p.At(b.wanted[w.parent-1].ref)
	t.Buffer, t.DType = whole.Buffer, whole.DType
	if whole.Rows.Fixed == 1 { // elements of a vector
		t.Offset = int64(whole.DType.BlockBytes()) * int64(w.from)
		return nil
	}
	row, err := whole.DType.RowBytes(whole.Cols)
	t.Offset = row * int64(w.from)
	return err
}

// floats reads a small tensor of plain floats.
func floats(f *weights.File, t weights.Tensor) ([]float32, error) {
	data := f.Data(t)
	out := make([]float32, t.Rows*t.Cols)
	for i := range out {
		switch t.DType {
		case compute.F32:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		case compute.F16:
			out[i] = compute.F16ToF32(binary.LittleEndian.Uint16(data[2*i:]))
		case compute.BF16:
			out[i] = compute.BF16ToF32(binary.LittleEndian.Uint16(data[2*i:]))
		default:
			return nil, fmt.Errorf("got %v, want F32, F16 or BF16", t.DType)
		}
	}
	return out, nil
}

// floatBytes is v as little-endian bytes.
func floatBytes(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
	}
	return b
}
