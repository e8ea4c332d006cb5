package emulator

import "fmt"

// poison is what nobody wrote: no number in half, single and double precision, and far from any sensible index.
const poison = 0x7fff7fff7fff7fff

// constant finds the numbers of a constant: one for each register that a value of its type takes.
func (c *compiler) constant(in inst, spec map[uint32]uint32) error {
	t := c.m.types[in.typ]
	if t == nil {
		return fmt.Errorf("emulator: read module: constant %d has no type", in.id)
	}
	if t.scalar() {
		if err := c.measure(t, 0); err != nil {
			return err
		}
	}
	one := func(v uint64) {
		c.scalars[in.id] = v
		c.values[in.id] = []uint64{v}
	}
	given, isSpec := uint32(0), false
	if id, ok := c.m.specIDs[in.id]; ok {
		given, isSpec = spec[id]
	}
	switch in.op {
	case opConstantTrue, opSpecConstantTrue, opConstantFalse, opSpecConstantFalse:
		v := uint64(0)
		if in.op == opConstantTrue || in.op == opSpecConstantTrue {
			v = 1
		}
		if isSpec {
			v = uint64(min(given, 1))
		}
		one(v)
	case opConstant, opSpecConstant:
		v := uint64(in.args[0])
		if len(in.args) > 1 {
			v |= uint64(in.args[1]) << 32
		}
		if isSpec {
			v = uint64(given)
		}
		one(v & mask(t.bits))
	case opUndef, opConstantNull:
		if err := c.measure(t, 0); err != nil {
			return err
		}
		all := make([]uint64, t.slots)
		if in.op == opUndef {
			for i := range all {
				all[i] = poison
			}
		} else if t.scalar() {
			c.scalars[in.id] = 0
		}
		c.values[in.id] = all
	case opConstantComposite, opSpecConstantComposite:
		if err := c.measure(t, 0); err != nil {
			return err
		}
		var all []uint64
		for _, id := range in.args {
			v, ok := c.values[id]
			if !ok {
				return fmt.Errorf("emulator: read module: constant %d is made of %d, which is none", in.id, id)
			}
			all = append(all, v...)
		}
		if t.matrix() && len(all) == 1 {
			for len(all) < t.slots {
				all = append(all, all[0])
			}
		}
		if len(all) != t.slots {
			return fmt.Errorf("emulator: read module: constant %d has %d parts, want %d", in.id, len(all), t.slots)
		}
		c.values[in.id] = all
	case opSpecConstantOp:
		return c.folded(in, t, one)
	default:
		return unknown("constant instruction %d", in.op)
	}
	return nil
}

// folded computes an operation on constants with the same functions that run it on the device.
func (c *compiler) folded(in inst, t *typ, one func(uint64)) error {
	op, ids := in.args[0], in.args[1:]
	var v [3]uint64
	var of *typ
	for i, id := range ids {
		x, ok := c.scalars[id]
		if op == opCompositeExtract {
			all := c.values[ids[0]]
			if len(ids) != 2 || int(ids[1]) >= len(all) {
				return unknown("an extraction of %d indices among constants", len(ids)-1)
			}
			one(all[ids[1]])
			return nil
		}
		if !ok || i >= len(v) {
			return unknown("an operation %d on constants that are no numbers", op)
		}
		v[i] = x
		if i == 0 {
			of = c.m.types[c.typeOf[id]]
		}
	}
	switch {
	case of == nil:
		return unknown("an operation %d without operands", op)
	case op == opSelect:
		one(v[2-min(v[0], 1)])
		return nil
	case (op == opUDiv || op == opUMod) && len(ids) == 2:
		if v[1] == 0 {
			// A branch that is not taken may hold it. What runs it will be told.
			one(poison & mask(t.bits))
			return nil
		}
	}
	if f := unaryOp(op, of, t); f != nil && len(ids) == 1 {
		one(f(v[0]))
		return nil
	}
	if f := binaryOp(op, of); f != nil && len(ids) == 2 {
		one(f(v[0], v[1]))
		return nil
	}
	return unknown("an operation %d on constants", op)
}

// mask keeps the bits of a number.
func mask(bits uint32) uint64 { return ^uint64(0) >> (64 - bits) }

// Poison fills memory with what nobody would have written.
func Poison(b []byte) {
	n := copy(b, []byte{poison & 0xff, poison >> 8 & 0xff})
	for n < len(b) {
		n += copy(b[n:], b[:n])
	}
}
