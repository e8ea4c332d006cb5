package emulator

import "fmt"

// instruction compiles one instruction.
func (c *compiler) instruction(in inst) error {
	switch in.op {
	case opVariable:
		return c.variable(in)
	case opAccessChain, opInBoundsAccessChain:
		return c.chain(in)
	case opMemoryBarrier:
		return nil // invocations see each other's writes at once here
	case opControlBarrier:
		return c.barrier(in)
	case opLoad, opStore, opAtomicIAdd, opAtomicUMin, opAtomicUMax, opAtomicAnd, opAtomicOr, opAtomicLoad, opAtomicStore,
		opCooperativeMatrixLoad, opCooperativeMatrixStore:
		return c.memory(in)
	case opFunctionCall:
		return unknown("calls of functions, other than by matrices")
	case opUndef:
		t := c.m.types[in.typ]
		all := make([]uint64, t.slots)
		for i := range all {
			all[i] = poison
		}
		c.values[in.id] = all
		return nil
	case opCopyObject:
		if p, ok := c.places[in.args[0]]; ok {
			c.places[in.id] = p
			return nil
		}
	}
	t := c.m.types[in.typ]
	if t == nil {
		return unknown("instruction %d", in.op)
	}
	d, err := c.result(in)
	if err != nil {
		return err
	}
	x := instr{op: in.op, d: d, n: t.slots, bits: t.of0().bits}
	switch in.op {
	case opExtInst:
		return c.extended(in, x)
	case opCooperativeMatrixLength:
		if mt := c.m.types[in.args[0]]; mt != nil && mt.matrix() {
			c.values[in.id] = []uint64{uint64(mt.n)}
			delete(c.at, in.id)
			return nil
		}
		return fmt.Errorf("the length of what is no matrix")
	case opPhi:
		return fmt.Errorf("a phi behind other instructions")
	}
	args := in.args
	literals := map[uint32]int{opCompositeExtract: 1, opCompositeInsert: 2, opVectorShuffle: 2, opGroupNonUniformElect: 0}
	ids := args
	if n, ok := literals[in.op]; ok {
		ids = args[:min(n, len(args))]
	}
	if in.op >= opGroupNonUniformIAdd && in.op <= 364 {
		return c.group(in, x)
	}
	if in.op == opSDot {
		ids = args[:min(2, len(args))]
	}
	switch in.op {
	case opCooperativeMatrixMulAdd:
		return c.product(in, x)
	case opCooperativeMatrixPerElement:
		return c.perElement(in, x)
	case opCooperativeMatrixLoadTensor:
		return c.loadTensor(in, x)
	case opCreateTensorLayout, opTensorLayoutSetDimension, opTensorLayoutSetStride, opTensorLayoutSlice, opTensorLayoutSetBlockSize:
		return c.layout(in, x)
	case opCreateTensorView:
		return nil
	}
	regs := make([]int, len(ids))
	for i, id := range ids {
		if regs[i], err = c.operand(id); err != nil {
			return fmt.Errorf("instruction %d: %w", in.op, err)
		}
	}
	of := func(i int) *typ { return c.m.types[c.typeOf[ids[i]]] }
	for i := range ids {
		if of(i) == nil {
			return fmt.Errorf("instruction %d: operand %d has no type", in.op, ids[i])
		}
	}
	for i, r := range regs[:min(3, len(regs))] {
		switch i {
		case 0:
			x.a = r
		case 1:
			x.b = r
		case 2:
			x.c = r
		}
	}
	switch in.op {
	case opCompositeConstruct:
		at := d
		for i, r := range regs {
			n := of(i).slots
			if t.matrix() {
				x.f, x.a, x.n = (*warp).splat, r, t.n
				break
			}
			c.code = append(c.code, instr{f: (*warp).copy, d: at, a: r, n: n})
			at += n * c.lanes
		}
		if !t.matrix() {
			return nil
		}
	case opCompositeExtract:
		off, part, err := within(of(0), args[1:])
		if err != nil {
			return err
		}
		x.f, x.a, x.n = (*warp).copy, regs[0]+off*c.lanes, part.slots
	case opCompositeInsert:
		off, part, err := within(t, args[2:])
		if err != nil {
			return err
		}
		c.code = append(c.code, instr{f: (*warp).copy, d: d, a: regs[1], n: t.slots})
		x.f, x.d, x.a, x.n = (*warp).copy, d+off*c.lanes, regs[0], part.slots
	case opVectorShuffle:
		for i, k := range args[2:] {
			n := uint32(of(0).n)
			s := regs[0] + int(k)*c.lanes
			switch {
			case k == 0xffffffff:
				continue
			case k >= n+uint32(of(1).n):
				return fmt.Errorf("a shuffle takes component %d", k)
			case k >= n:
				s = regs[1] + int(k-n)*c.lanes
			}
			c.code = append(c.code, instr{f: (*warp).copy, d: d + i*c.lanes, a: s, n: 1})
		}
		return nil
	case opVectorExtractDynamic:
		x.f, x.n = (*warp).pick, of(0).n
	case opSelect:
		x.f = (*warp).choose
		if of(0).n > 1 {
			x.f = (*warp).chooseEach
		}
	case opVectorTimesScalar, opMatrixTimesScalar:
		mul := uint32(opFMul)
		if !t.of().float {
			mul = opIMul
		}
		x.f, x.x = (*warp).byScalar, binaryOp(mul, t)
	case opDot:
		x.f, x.n, x.x = (*warp).dot, of(0).n, [2]func(a, b uint64) uint64{binaryOp(opFMul, t), binaryOp(opFAdd, t)}
	case opAny, opAll:
		x.f, x.n = (*warp).any, of(0).n
	case opBitcast:
		if of(0).of().bits == t.of().bits {
			x.f = (*warp).copy
			break
		}
		x.f, x.x = (*warp).recut, [2]*typ{of(0), t}
	case opBitFieldUExtract, opBitFieldSExtract:
		x.f = (*warp).field
	case opSDot:
		if of(0).slots != 1 || of(0).bits != 32 {
			return unknown("a dot product of integers that are not packed")
		}
		x.f = (*warp).packedDot
	case opGroupNonUniformElect:
		x.f = (*warp).elect
	default:
		return c.arithmetic(in, x, ids)
	}
	c.code = append(c.code, x)
	return nil
}

// of0 is of, or the type itself where it is made of several.
func (t *typ) of0() *typ {
	switch t.op {
	case opTypeStruct, opTypeArray, opTypeVoid, opTypeTensorLayout, opTypeTensorView:
		return t
	}
	return t.of()
}

// within is where a part of a composite lies, in registers.
func within(t *typ, path []uint32) (off int, part *typ, err error) {
	for _, k := range path {
		switch {
		case t.op == opTypeStruct && int(k) < len(t.members):
			for _, e := range t.members[:k] {
				off += e.slots
			}
			t = t.members[k]
		case (t.op == opTypeVector || t.op == opTypeArray || t.matrix()) && int(k) < t.n:
			off += int(k) * t.elem.slots
			t = t.elem
		default:
			return 0, nil, fmt.Errorf("part %d of a value that has none", k)
		}
	}
	return off, t, nil
}

// arithmetic compiles what computes number by number.
func (c *compiler) arithmetic(in inst, x instr, ids []uint32) error {
	t, of := c.m.types[in.typ], c.m.types[c.typeOf[ids[0]]]
	if t.op == opTypeStruct || of.op == opTypeStruct {
		return unknown("instruction %d on structures", in.op)
	}
	switch len(ids) {
	case 1:
		f := unaryOp(in.op, of, t)
		if f == nil {
			return unknown("instruction %d", in.op)
		}
		x.f, x.x = (*warp).unary, f
		if g := fastUnary(in.op, of.of().bits, t.of().bits); g != nil {
			x.f = g
		}
	case 2:
		f := binaryOp(in.op, of)
		if f == nil {
			return unknown("instruction %d", in.op)
		}
		// A shift may be by numbers of another type; all others have operands of one.
		x.f, x.x = (*warp).binary, f
		if g := fastBinary(in.op, of.of().bits); g != nil {
			x.f = g
		}
	default:
		return unknown("instruction %d", in.op)
	}
	c.code = append(c.code, x)
	return nil
}

// extended compiles an instruction of GLSL.std.450.
func (c *compiler) extended(in inst, x instr) error {
	if len(in.args) < 3 || in.args[0] != c.m.glsl {
		return unknown("an instruction of another set")
	}
	op, ids := in.args[1], in.args[2:]
	var regs [3]int
	for i, id := range ids {
		if i >= len(regs) {
			return unknown("GLSL instruction %d", op)
		}
		var err error
		if regs[i], err = c.operand(id); err != nil {
			return err
		}
	}
	x.a, x.b, x.c, x.op = regs[0], regs[1], regs[2], op
	t := c.m.types[in.typ].of()
	switch len(ids) {
	case 1:
		if op == glslUnpackHalf {
			x.f = (*warp).unpackHalf
			break
		}
		f := glslUnary(op, t.bits)
		if f == nil {
			return unknown("GLSL instruction %d", op)
		}
		x.f, x.x = (*warp).unary, f
	case 2:
		f := glslBinary(op, t.bits)
		if f == nil {
			return unknown("GLSL instruction %d", op)
		}
		x.f, x.x = (*warp).binary, f
	case 3:
		f := glslTernary(op, t.bits)
		if f == nil {
			return unknown("GLSL instruction %d", op)
		}
		x.f, x.x = (*warp).ternary, f
		if op == glslFma && t.bits == 32 {
			x.f = (*warp).fma32
		}
	}
	c.code = append(c.code, x)
	return nil
}

// barrier compiles a barrier of the workgroup or of a subgroup.
func (c *compiler) barrier(in inst) error {
	switch scope := c.scalars[in.args[0]]; scope {
	case scopeWorkgroup:
		c.code = append(c.code, instr{barrier: true})
	case scopeSubgroup:
		c.code = append(c.code, instr{f: (*warp).subgroupBarrier})
	default:
		return unknown("a barrier of scope %d", scope)
	}
	return nil
}

// group compiles a reduction over a subgroup.
func (c *compiler) group(in inst, x instr) error {
	if len(in.args) < 3 || c.scalars[in.args[0]] != scopeSubgroup || in.args[1] != 0 {
		return unknown("subgroup instruction %d of another form than a reduction", in.op)
	}
	a, err := c.operand(in.args[2])
	if err != nil {
		return err
	}
	t := c.m.types[in.typ].of()
	var f func(a, b uint64) uint64
	switch in.op {
	case opGroupNonUniformFAdd:
		f = binaryOp(opFAdd, t)
	case opGroupNonUniformIAdd:
		f = binaryOp(opIAdd, t)
	case opGroupNonUniformFMin:
		f = glslBinary(glslFMin, t.bits)
	case opGroupNonUniformFMax:
		f = glslBinary(glslFMax, t.bits)
	case opGroupNonUniformUMax:
		f = glslBinary(glslUMax, t.bits)
	default:
		return unknown("subgroup instruction %d", in.op)
	}
	x.f, x.a, x.x = (*warp).reduce, a, f
	c.code = append(c.code, x)
	return nil
}
