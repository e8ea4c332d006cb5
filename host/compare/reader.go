package compare

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"tuff/host/compute"
)

// reader reads and writes tensors of one executable as float32, for the step that it last ran.
type reader struct {
	dev  compute.Device
	x    compute.Executable
	p    *compute.Program
	step *compute.Step
	cmp  *comparison
	// exact says that it runs one op at a time in exact arithmetic.
	exact bool

	stateful map[compute.Ref]bool // once asked for
}

// values are the tensor's elements once the step has run: all rows of the step, for a KV tensor the rows of positions 0 to Len−1, for
// a tensor of states the sequence's state behind the step.
func (r *reader) values(ref compute.Ref) ([]float32, error) {
	t := r.p.At(ref)
	switch {
	case r.states()[ref]:
		return r.state(t, r.step.Seqs[0].StateOut)
	case t.Role == compute.State:
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
	return r.widen(t.DType, raw)
}

// inputs are values as the step finds them, which for a tensor of states is the one before it.
func (r *reader) inputs(ref compute.Ref) ([]float32, error) {
	if r.states()[ref] {
		return r.state(r.p.At(ref), r.step.Seqs[0].StateIn)
	}
	return r.values(ref)
}

// whole says that values has all rows of a tensor.
func (r *reader) whole(compute.Ref) bool { return true }

// proven says that the values are what bounds are proven against: double precision sums of the CPU's exact arithmetic.
func (r *reader) proven() bool { return r.exact && r.dev.Info().Kind == compute.Host }

// rowsOf is the number of rows that values has of a tensor in a step.
func (r *reader) rowsOf(ref compute.Ref, step *compute.Step) int {
	t := r.p.At(ref)
	switch {
	case r.states()[ref]:
		return 1
	case t.Role == compute.State:
		return step.Seqs[0].Len
	}
	return t.Rows.At(step.Sizes())
}

// states are the tensors that have a row for a state, and not for a position.
func (r *reader) states() map[compute.Ref]bool {
	if r.stateful == nil {
		r.stateful = map[compute.Ref]bool{}
		for _, in := range r.p.Instrs {
			if o, ok := in.Op.(compute.Stateful); ok {
				r.stateful[o.Carries()] = true
			}
		}
	}
	return r.stateful
}

// state reads one row of a tensor of states.
func (r *reader) state(t *compute.Tensor, i int) ([]float32, error) {
	raw := make([]byte, 4*t.Cols) // float32, as the ops want
	if err := r.dev.Download(raw, t.Buffer, t.Offset+int64(i)*int64(len(raw))); err != nil {
		return nil, err
	}
	return r.widen(t.DType, raw)
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
		if err := r.dev.Download(raw[int64(pos)*row:int64(pos+1)*row], t.Buffer, t.Offset+r.slot(pos, row)); err != nil {
			return nil, err
		}
	}
	return r.widen(t.DType, raw)
}

// slot is where the row of a position of the step's sequence lies in a paged tensor of so many bytes a row.
func (r *reader) slot(pos int, row int64) int64 {
	q := &r.step.Seqs[0]
	return (int64(q.Pages[pos/r.p.PageSize])*int64(r.p.PageSize) + int64(pos%r.p.PageSize)) * row
}

// write replaces a scratch tensor's elements, those of a KV tensor's positions 0 to Len−1, or the state before the step, converted to
// its type.
func (r *reader) write(ref compute.Ref, v []float32) error {
	t := r.p.At(ref)
	raw, err := r.narrow(t.DType, v)
	if err != nil {
		return err
	}
	if r.states()[ref] {
		return r.dev.Upload(t.Buffer, t.Offset+int64(r.step.Seqs[0].StateIn)*int64(len(raw)), raw)
	}
	if t.Role == compute.State {
		row := int64(len(raw) / r.step.Seqs[0].Len)
		for pos := range r.step.Seqs[0].Len {
			if err := r.dev.Upload(t.Buffer, t.Offset+r.slot(pos, row), raw[int64(pos)*row:int64(pos+1)*row]); err != nil {
				return err
			}
		}
		return nil
	}
	at, err := r.x.Locate(ref)
	if err != nil {
		return err
	}
	return r.dev.Upload(at.Buffer, at.Offset, raw)
}

// poisonBits is a NaN that no arithmetic makes.
const poisonBits = 0x7fc0dead

// poison fills what a group is to write into scratch memory. Kernels for few rows keep in registers what others leave in memory: what is still
// poison behind them was not written.
func (r *reader) poison(g compute.Group) error {
	for _, i := range g.Ops {
		for _, ref := range r.p.Instrs[i].Op.Writes() {
			t := r.p.At(ref)
			at, err := r.x.Locate(ref)
			if t.Role != compute.Scratch || t.DType != compute.F32 || err != nil {
				continue // no memory of its own
			}
			size, err := t.Bytes(r.step.Sizes())
			if err != nil {
				return err
			}
			raw := make([]byte, size)
			for i := 0; i < len(raw); i += 4 {
				binary.LittleEndian.PutUint32(raw[i:], poisonBits)
			}
			if err := r.dev.Upload(at.Buffer, at.Offset, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// untouched says that all values are poison.
func untouched(v []float32) bool {
	for _, f := range v {
		if math.Float32bits(f) != poisonBits {
			return false
		}
	}
	return len(v) > 0
}

// inside says that only the group itself reads a scratch tensor that it writes.
func (r *reader) inside(g compute.Group, ref compute.Ref) bool {
	if r.p.At(ref).Role != compute.Scratch {
		return false
	}
	read := false
	for i, in := range r.p.Instrs {
		if slices.Contains(in.Op.Reads(), ref) {
			if !slices.Contains(g.Ops, i) {
				return false
			}
			read = true
		}
	}
	return read
}

// spoil makes the state behind the step NaN.
func (r *reader) spoil(t *compute.Tensor) error {
	v := make([]float32, t.Cols)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	raw, err := r.narrow(t.DType, v)
	if err != nil {
		return err
	}
	return r.dev.Upload(t.Buffer, t.Offset+int64(r.step.Seqs[0].StateOut)*int64(len(raw)), raw)
}

// rowNorms are taken from the weights as this device holds them, row by row, once per weight.
func (r *reader) rowNorms(ref compute.Ref, lo, hi int) ([]float64, error) {
	t := r.p.At(ref)
	norms := r.cmp.norms[ref]
	if norms == nil {
		norms = make([]float64, t.Rows.Fixed)
		for i := range norms {
			norms[i] = -1 // not taken yet
		}
		r.cmp.norms[ref] = norms
	}
	row, err := t.DType.RowBytes(t.Cols)
	if err != nil {
		return nil, err
	}
	raw, vals := make([]byte, row), make([]float32, t.Cols)
	for i := lo; i < hi; i++ {
		if norms[i] >= 0 {
			continue
		}
		if err := r.dev.Download(raw, t.Buffer, t.Offset+int64(i)*row); err != nil {
			return nil, err
		}
		if err := r.cmp.o.Decode(t.DType, vals, raw); err != nil {
			return nil, err
		}
		norms[i] = norm(vals)
	}
	return norms, nil
}

// widen turns what a tensor holds into float32.
func (r *reader) widen(t compute.DType, raw []byte) ([]float32, error) {
	if t.Quantized() {
		v := make([]float32, len(raw)/t.BlockBytes()*t.BlockLen())
		return v, r.cmp.o.Decode(t, v, raw)
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

// narrow is the other way round, rounding to nearest even. Blocks become what they were: their largest element is at the last level,
// whose quotient is the scale again.
func (r *reader) narrow(t compute.DType, v []float32) ([]byte, error) {
	if t.Quantized() {
		raw := make([]byte, len(v)/t.BlockLen()*t.BlockBytes())
		return raw, r.cmp.o.Encode(t, raw, v)
	}
	var raw []byte
	for _, f := range v {
		switch t {
		case compute.F32:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		case compute.F16:
			raw = binary.LittleEndian.AppendUint16(raw, compute.F32ToF16(f))
		case compute.BF16:
			raw = binary.LittleEndian.AppendUint16(raw, compute.F32ToBF16(f))
		default:
			return nil, fmt.Errorf("compare: narrow tensor: got %v, want F32, F16 or BF16", t)
		}
	}
	return raw, nil
}
