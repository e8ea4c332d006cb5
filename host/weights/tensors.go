package weights

import (
	"fmt"

	"tuff/host/compute"
)

// tensor reads one entry of the tensor table; its offset is still relative to the data section.
func (d *decoder) tensor(s *shard, align uint64) error {
	name, err := d.label("tensor name", maxName)
	if err != nil {
		return err
	}
	what := "tensor " + quote(name) + ": "
	t := Tensor{Name: name}
	at := d.off
	if t.Dims, err = d.dims(what); err != nil {
		return err
	}
	t.Cols, t.Rows = t.Dims[0], 1
	for _, n := range t.Dims[1:] {
		t.Rows *= n
	}
	id, err := d.u32(what + "type")
	if err != nil {
		return err
	}
	dt, ok := compute.DTypeOfGGML(id)
	if !ok {
		return &UnsupportedError{d.name, fmt.Sprintf("%stype id %d", what, id)}
	}
	t.DType = dt
	if t.Size, err = dt.Bytes(t.Rows, t.Cols); err != nil {
		return d.fail(what+"shape", at, fmt.Sprintf("rows of %d in %v", t.Cols, dt), fmt.Sprintf("a multiple of %d", dt.BlockLen()))
	}
	at = d.off
	off, err := d.u64(what + "offset")
	if err != nil {
		return err
	}
	if off%align != 0 || off > uint64(len(d.data)) {
		return d.fail(what+"offset", at, off, fmt.Sprintf("a multiple of %d up to %d", align, len(d.data)))
	}
	t.Offset = int64(off)
	s.tensors = append(s.tensors, t)
	return nil
}

// dims reads a shape, innermost dimension first.
func (d *decoder) dims(what string) ([]int, error) {
	at := d.off
	n, err := d.u32(what + "dimensions")
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxDims {
		return nil, d.fail(what+"dimensions", at, n, fmt.Sprintf("1 to %d", maxDims))
	}
	out := make([]int, n)
	elements := uint64(1)
	for i := range out {
		at = d.off
		v, err := d.u64(what + "shape")
		if err != nil {
			return nil, err
		}
		if v == 0 || v > maxElements/elements {
			return nil, d.fail(what+"shape", at, v, fmt.Sprintf("1 to %d", maxElements/elements))
		}
		elements *= v
		out[i] = int(v)
	}
	return out, nil
}

// place makes the tensors' offsets absolute. Each must begin after the one before it ends, as every writer has them, and end
// within the file; table is where the tensor table begins.
func (d *decoder) place(s *shard, align, table uint64) error {
	size := int64(len(d.data))
	start := int64((d.off + align - 1) / align * align)
	end, before := start, "the header"
	for i := range s.tensors {
		t := &s.tensors[i]
		what := "tensor " + quote(t.Name) + ": data"
		t.Offset += start // at most twice the file's size
		switch {
		case t.Offset < end:
			return d.fail(what, table, fmt.Sprintf("from byte %d, within %s", t.Offset, before), fmt.Sprintf("from byte %d or later", end))
		case t.Offset > size || t.Size > size-t.Offset:
			return d.fail(what, table, fmt.Sprintf("%d bytes from byte %d in a file of %d", t.Size, t.Offset, size), "data within the file")
		}
		end, before = t.Offset+t.Size, quote(s.tensors[i].Name)
	}
	return nil
}
