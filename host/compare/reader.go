package compare

import (
	"encoding/binary"
	"fmt"
	"math"

	"tuff/host/compute"
)

// reader reads and writes tensors of one executable as float32, for the step that it last ran.
type reader struct {
	dev  compute.Device
	x    compute.Executable
	p    *compute.Program
	step *compute.Step
	cmp  *comparison
}

// values are the tensor's elements: all rows of the step, or for a KV tensor the rows of positions 0 to Len−1.
func (r *reader) values(ref compute.Ref) ([]float32, error) {
	t := r.p.At(ref)
	if t.Role == compute.State {
		return r.cached(t)
	}
	size, err := t.Bytes(r.step.Sizes())
	if err != nil {
		return nil, err
	}
	v := compute.View{Buffer: t.Buffer, Offset: t.Offset}
	if t.Role != compute.Weight {
		if v, err = r.x.Locate(ref); err != nil {
			return nil, err
		}
	}
	raw := make([]byte, size)
	if err := r.dev.Download(raw, v.Buffer, v.Offset); err != nil {
		return nil, err
	}
	return widen(t.DType, raw)
}

// cached gathers the rows of a paged tensor in the order of positions.
func (r *reader) cached(t *compute.Tensor) ([]float32, error) {
	row, err := t.DType.RowBytes(t.Cols)
	if err != nil {
		return nil, err
	}
	q := &r.step.Seqs[0]
	raw := make([]byte, row*int64(q.Len))
	for pos := range q.Len {
		slot := int64(q.Pages[pos/r.p.PageSize])*int64(r.p.PageSize) + int64(pos%r.p.PageSize)
		if err := r.dev.Download(raw[int64(pos)*row:int64(pos+1)*row], t.Buffer, t.Offset+slot*row); err != nil {
			return nil, err
		}
	}
	return widen(t.DType, raw)
}

// write replaces the elements of a scratch tensor.
func (r *reader) write(ref compute.Ref, v []float32) error {
	at, err := r.x.Locate(ref)
	if err != nil {
		return err
	}
	raw := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(f))
	}
	return r.dev.Upload(at.Buffer, at.Offset, raw)
}

// rowNorms are taken from the weights as this device holds them, a few rows at a time, once per weight.
func (r *reader) rowNorms(ref compute.Ref) ([]float64, error) {
	if n := r.cmp.norms[ref]; n != nil {
		return n, nil
	}
	t := r.p.At(ref)
	row, err := t.DType.RowBytes(t.Cols)
	if err != nil {
		return nil, err
	}
	norms := make([]float64, t.Rows.Fixed)
	raw, vals := make([]byte, row), make([]float32, t.Cols)
	for i := range norms {
		if err := r.dev.Download(raw, t.Buffer, t.Offset+int64(i)*row); err != nil {
			return nil, err
		}
		if err := r.cmp.o.Decode(t.DType, vals, raw); err != nil {
			return nil, err
		}
		norms[i] = norm(vals)
	}
	r.cmp.norms[ref] = norms
	return norms, nil
}

// widen turns plain floats into float32.
func widen(t compute.DType, raw []byte) ([]float32, error) {
	if t.Quantized() {
		return nil, fmt.Errorf("compare: widen tensor: got %v, want plain floats", t)
	}
	v := make([]float32, len(raw)/t.BlockBytes())
	for i := range v {
		switch t {
		case compute.F32:
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case compute.F16:
			v[i] = compute.F16ToF32(binary.LittleEndian.Uint16(raw[2*i:]))
		case compute.BF16:
			v[i] = compute.BF16ToF32(binary.LittleEndian.Uint16(raw[2*i:]))
		default:
			return nil, fmt.Errorf("compare: widen tensor: got %v, want F32, F16 or BF16", t)
		}
	}
	return v, nil
}
