package emulator

import "fmt"

// typ is a type of the module, resolved: what its values are made of, and how they lie in memory.
type typ struct {
	op   uint32
	id   uint32
	args []uint32
	nth  int // in the order of the module

	bits    uint32 // of a scalar; 1 for bool; 64 for a pointer
	float   bool
	elem    *typ // of vectors, arrays, matrices; what pointers point to
	n       int  // elements of vectors and arrays; 0 for runtime arrays
	members []*typ
	class   uint32 // of pointers

	// A matrix of the subgroup: rows by cols elements, of which each invocation holds n. Element e, counted along rows, is number e/S of
	// invocation e%S.
	rows, cols int

	slots   int   // registers of a value, per invocation
	size    int   // bytes in memory
	align   int   // bytes, where the module gives no layout
	stride  int   // bytes between elements of an array
	offsets []int // of members, bytes
}

// layouts are the decorations that place types in memory.
type layouts struct {
	strides map[uint32]uint32
	offsets map[[2]uint32]uint32
}

func (t *typ) scalar() bool {
	return t.op == opTypeBool || t.op == opTypeInt || t.op == opTypeFloat || t.op == opTypePointer
}
func (t *typ) pointer() bool { return t.op == opTypePointer }
func (t *typ) matrix() bool  { return t.op == opTypeCooperativeMatrix }

// of is the scalar that a value is made of: itself, or a vector's or matrix's element.
func (t *typ) of() *typ {
	if t.scalar() {
		return t
	}
	return t.elem
}

// resolve links types to each other. Sizes wait for constants: see (*compiler).measure.
func (m *module) resolve(l layouts) error {
	for _, t := range m.types {
		at := func(id uint32) (*typ, error) {
			e := m.types[id]
			switch {
			case e == nil:
				return nil, fmt.Errorf("emulator: read module: id %d is no type", id)
			case e.nth >= t.nth && !t.pointer() && !e.pointer(): // pointers may be promised
				return nil, fmt.Errorf("emulator: read module: type %d is made of %d, which comes later", t.id, id)
			}
			return e, nil
		}
		var err error
		switch t.op {
		case opTypeBool:
			t.bits = 1
		case opTypeInt:
			t.bits = t.args[0]
		case opTypeFloat:
			t.bits, t.float = t.args[0], true
			if len(t.args) > 1 {
				err = unknown("floats of another encoding")
			}
		case opTypeVector:
			t.elem, err = at(t.args[0])
			t.n = int(t.args[1])
		case opTypeArray, opTypeRuntimeArray, opTypeCooperativeMatrix:
			t.elem, err = at(t.args[0])
			t.stride = int(l.strides[t.id])
		case opTypePointer:
			t.bits, t.class = 64, t.args[0]
			t.elem, err = at(t.args[1])
		case opTypeStruct:
			for i, id := range t.args {
				e, err := at(id)
				if err != nil {
					return err
				}
				t.members = append(t.members, e)
				if off, ok := l.offsets[[2]uint32{t.id, uint32(i)}]; ok {
					t.offsets = append(t.offsets, int(off))
				}
			}
			if len(t.offsets) > 0 && len(t.offsets) != len(t.members) {
				err = fmt.Errorf("emulator: read module: a structure with offsets of some members only")
			}
		case opTypeVoid, opTypeFunction, opTypeTensorLayout, opTypeTensorView:
		default:
			err = unknown("type instruction %d", t.op)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// measure computes sizes of a type, once lengths of arrays and shapes of matrices are known.
func (c *compiler) measure(t *typ, depth int) error {
	if t.align != 0 || t.op == opTypeVoid || t.op == opTypeFunction {
		return nil
	}
	if depth > 64 {
		return fmt.Errorf("emulator: read module: types nested without end")
	}
	if t.elem != nil && !t.pointer() {
		if err := c.measure(t.elem, depth+1); err != nil {
			return err
		}
	}
	length := func(id uint32) (int, error) {
		v, ok := c.scalars[id]
		if !ok || v == 0 || v > 1<<24 {
			return 0, fmt.Errorf("emulator: read module: got length %d of a type, want 1 to 16 Mi", v)
		}
		return int(v), nil
	}
	var err error
	switch t.op {
	case opTypeBool:
		t.size, t.align, t.slots = 4, 4, 1
	case opTypeInt, opTypeFloat, opTypePointer:
		t.size, t.align, t.slots = int(t.bits/8), int(t.bits/8), 1
		switch t.bits {
		case 8, 16, 32, 64:
		default:
			return unknown("numbers of %d bits", t.bits)
		}
	case opTypeVector:
		t.size, t.align, t.slots = t.n*t.elem.size, t.elem.align, t.n
	case opTypeArray:
		if t.n, err = length(t.args[1]); err != nil {
			return err
		}
		if t.stride == 0 {
			t.stride = t.elem.size
		}
		t.size, t.align, t.slots = t.n*t.stride, t.elem.align, t.n*t.elem.slots
	case opTypeRuntimeArray:
		t.align = t.elem.align
	case opTypeStruct:
		own := len(t.offsets) == 0
		t.align = 1
		for i, e := range t.members {
			if err := c.measure(e, depth+1); err != nil {
				return err
			}
			if own {
				t.size = (t.size + e.align - 1) / e.align * e.align
				t.offsets = append(t.offsets, t.size)
			}
			t.size = t.offsets[i] + e.size
			t.align = max(t.align, e.align)
			t.slots += e.slots
		}
	case opTypeTensorLayout:
		if t.n, err = length(t.args[0]); err != nil {
			return err
		}
		t.align, t.slots = 1, layoutSlots*t.n+1
	case opTypeTensorView:
		t.align, t.slots = 1, 1 // all of it is in the type
		for _, id := range t.args[2:] {
			t.offsets = append(t.offsets, int(c.scalars[id]))
		}
		if c.scalars[t.args[1]] != 0 {
			return unknown("views of tensors with sizes of their own")
		}
	case opTypeCooperativeMatrix:
		if t.rows, err = length(t.args[2]); err != nil {
			return err
		}
		if t.cols, err = length(t.args[3]); err != nil {
			return err
		}
		if scope := c.scalars[t.args[1]]; scope != scopeSubgroup && (scope != scopeWorkgroup || c.lanes != c.p.total) {
			return unknown("matrices of scope %d", scope)
		}
		if t.rows*t.cols%c.lanes != 0 {
			return fmt.Errorf("emulator: a matrix of %d by %d does not spread over a subgroup of %d", t.rows, t.cols, c.lanes)
		}
		t.n = t.rows * t.cols / c.lanes
		t.align, t.slots = t.elem.align, t.n
	}
	if t.slots > 1<<20 {
		return fmt.Errorf("emulator: read module: a value of %d numbers", t.slots)
	}
	return nil
}

// leaf is one number of a value in memory.
type leaf struct {
	offset int // bytes
	bits   uint32
}

// leaves are the numbers of a value, in the order of its registers.
func (t *typ) leaves(at int, out []leaf) []leaf {
	switch {
	case t.op == opTypeBool:
		return append(out, leaf{at, 32})
	case t.scalar():
		return append(out, leaf{at, t.bits})
	case t.op == opTypeVector:
		for i := range t.n {
			out = append(out, leaf{at + i*t.elem.size, t.elem.bits})
		}
	case t.op == opTypeArray:
		for i := range t.n {
			out = t.elem.leaves(at+i*t.stride, out)
		}
	case t.op == opTypeStruct:
		for i, e := range t.members {
			out = e.leaves(at+t.offsets[i], out)
		}
	}
	return out
}
