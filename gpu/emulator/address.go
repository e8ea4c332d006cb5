package emulator

import "fmt"

// term is an index of an access chain that is known as the program runs.
type term struct {
	index  int // register
	bits   uint32
	stride int
	bound  int // elements; 0: of an array without a length
}

// pointer is how an instruction finds what it reads or writes.
type pointer struct {
	class uint32
	fixed int // slot or byte where it is known, else -1
	reg   int // of the slot, byte or address
	end   int // of the variable, where it is known
	t     *typ

	coherent bool // past caches that workgroups do not share
}

// pointerTo finds what an id points to.
func (c *compiler) pointerTo(id uint32) (pointer, error) {
	if p, ok := c.places[id]; ok {
		return pointer{class: p.class, fixed: p.at, end: p.end, t: p.t}, nil
	}
	t := c.m.types[c.typeOf[id]]
	if t == nil || !t.pointer() {
		return pointer{}, fmt.Errorf("id %d is no pointer", id)
	}
	r, err := c.operand(id)
	coherent := c.coherent[id]
	class := t.class
	if class == classPrivate || class == classInput {
		class = classFunction
	}
	return pointer{class: class, fixed: -1, reg: r, t: t.elem, coherent: coherent}, err
}

// chain compiles an access chain: of a variable with constant indices it is only a place.
func (c *compiler) chain(in inst) error {
	p, err := c.pointerTo(in.args[0])
	if err != nil {
		return err
	}
	registers := p.class == classFunction
	t, off := p.t, 0
	coherent := p.coherent
	var terms []term
	for _, id := range in.args[1:] {
		v, known := c.scalars[id]
		it := c.m.types[c.typeOf[id]]
		if it == nil || it.op != opTypeInt {
			return fmt.Errorf("an index that is no integer")
		}
		switch {
		case t.op == opTypeStruct:
			if !known || v >= uint64(len(t.members)) {
				return fmt.Errorf("member %d of a structure of %d", v, len(t.members))
			}
			coherent = coherent || c.m.coherent[[2]uint32{t.id, uint32(v)}] || c.m.coherent[[2]uint32{t.id, anyMember}]
			if registers {
				for _, e := range t.members[:v] {
					off += e.slots
				}
			} else {
				off += t.offsets[v]
			}
			t = t.members[v]
		case t.op == opTypeVector || t.op == opTypeArray || t.op == opTypeRuntimeArray || t.matrix():
			stride := t.elem.slots
			if !registers {
				if stride = t.stride; t.op == opTypeVector {
					stride = t.elem.size
				}
			}
			if known {
				// A place outside of the array is no error until something is read there.
				off += int(signed(v, it.bits)) * stride
			} else {
				r, err := c.operand(id)
				if err != nil {
					return err
				}
				terms = append(terms, term{r, it.bits, stride, t.n})
			}
			t = t.elem
		default:
			return fmt.Errorf("an index into what has no parts")
		}
	}
	if p.fixed >= 0 && len(terms) == 0 {
		c.places[in.id] = place{class: p.class, at: p.fixed + off, end: p.end, t: t}
		return nil
	}
	d, err := c.result(in)
	if err != nil {
		return err
	}
	if coherent {
		c.coherent[in.id] = true
	}
	x := instr{f: (*warp).chain, d: d, a: p.reg, b: off, x: terms}
	if p.fixed >= 0 {
		x.a, x.b = -1, p.fixed+off
	}
	c.code = append(c.code, x)
	return nil
}

// access is a load, store or atomic operation, ready to run.
type access struct {
	pointer
	leaves []leaf
	align  uint64 // that the module promises, 0 without
	value  int    // register of what is stored
	write  bool
}

// memory compiles what reads and writes.
func (c *compiler) memory(in inst) error {
	p, err := c.pointerTo(in.args[0])
	if err != nil {
		return err
	}
	a := &access{pointer: p}
	x := instr{op: in.op, x: a}
	if in.op != opStore && in.op != opAtomicStore && in.op != opCooperativeMatrixStore {
		if x.d, err = c.result(in); err != nil {
			return err
		}
	}
	switch in.op {
	case opLoad, opStore:
		rest := in.args[1:]
		if in.op == opStore {
			a.write = true
			if a.value, err = c.operand(in.args[1]); err != nil {
				return err
			}
			rest = in.args[2:]
		}
		if len(rest) > 1 && rest[0]&memoryAligned != 0 {
			a.align = uint64(rest[1])
		}
		if len(rest) > 0 && rest[0]&(memoryAvailable|memoryVisible) != 0 {
			a.coherent = true
		}
		x.n = p.t.slots
		switch {
		case p.class == classFunction && p.fixed >= 0:
			if p.fixed+x.n > p.end {
				return fmt.Errorf("an index behind a variable")
			}
			x.f, x.a = (*warp).copy, p.fixed*c.lanes
			if a.write {
				x.d, x.a = p.fixed*c.lanes, a.value
			}
		case p.class == classFunction:
			x.f = (*warp).private
		default:
			a.leaves = p.t.leaves(0, nil)
			if len(a.leaves) != x.n {
				return unknown("values of this type in memory")
			}
			if x.f, err = a.how(); err != nil {
				return err
			}
			for _, f := range a.leaves {
				c.shares(a.class, int(f.bits/8))
			}
		}
	case opCooperativeMatrixLoad, opCooperativeMatrixStore:
		return c.matrixAccess(in, x, a)
	default:
		if p.class != classPhysical && p.class != classWorkgroup || p.t.bits != 32 {
			return unknown("an atomic operation on numbers of %d bits in storage class %d", p.t.bits, p.class)
		}
		if in.op != opAtomicLoad {
			if a.value, err = c.operand(in.args[len(in.args)-1]); err != nil {
				return err
			}
		}
		x.f = (*warp).atomic
		c.shares(a.class, 4)
	}
	c.code = append(c.code, x)
	return nil
}

// shares notes how small a number in shared memory is.
func (c *compiler) shares(class uint32, bytes int) {
	if class == classWorkgroup {
		c.p.unit = min(c.p.unit, bytes)
	}
}

// how chooses the function for an access.
func (a *access) how() (func(*warp, *instr), error) {
	switch a.class {
	case classPhysical:
		if a.write {
			return (*warp).storeGlobal, nil
		}
		return (*warp).loadGlobal, nil
	case classWorkgroup:
		if a.write {
			return (*warp).storeShared, nil
		}
		return (*warp).loadShared, nil
	case classPushConstant:
		if !a.write {
			return (*warp).loadPush, nil
		}
	}
	return nil, unknown("an access of storage class %d", a.class)
}
