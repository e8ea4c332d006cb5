package emulator

// The operations that kernels are made of, without a call for each number. Each is the function of scalar.go of the same instruction.

// fastUnary is the quick form of unary, or nil.
func fastUnary(op, from, to uint32) func(*warp, *instr) {
	switch {
	case (op == opUConvert || op == opConvertPtrToU || op == opConvertUToPtr) && from <= to, op == opCopyObject:
		return (*warp).copy
	case op == opConvertUToF && to == 32 && from <= 32:
		return (*warp).uintToFloat
	}
	return nil
}

// fastBinary is the quick form of binary on numbers of so many bits, or nil.
func fastBinary(op, bits uint32) func(*warp, *instr) {
	switch op {
	case opBitwiseAnd, opLogicalAnd:
		return (*warp).and
	case opBitwiseOr, opLogicalOr:
		return (*warp).or
	case opULessThan:
		return (*warp).less
	case opIEqual:
		return (*warp).equal
	}
	if bits != 32 {
		return nil
	}
	switch op {
	case opIAdd:
		return (*warp).add32
	case opIMul:
		return (*warp).mul32
	case opFAdd:
		return (*warp).fadd32
	case opFSub:
		return (*warp).fsub32
	case opFMul:
		return (*warp).fmul32
	case opShiftRightLogical:
		return (*warp).shr32
	}
	return nil
}

// rows are the registers of the result and two operands.
func (w *warp) rows(in *instr) (d, a, b []uint64) {
	n := in.n * w.lanes
	return w.r[in.d : in.d+n], w.r[in.a : in.a+n][:n], w.r[in.b : in.b+n][:n]
}

func (w *warp) uintToFloat(in *instr) {
	d, a, _ := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			d[o+int(l)] = of32(float32(uint32(a[o+int(l)])))
		}
	}
}

func (w *warp) and(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = a[i] & b[i]
		}
	}
}

func (w *warp) or(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = a[i] | b[i]
		}
	}
}

func (w *warp) less(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = truth(a[i] < b[i])
		}
	}
}

func (w *warp) equal(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = truth(a[i] == b[i])
		}
	}
}

func (w *warp) add32(in *instr) {
	d, a, b := w.rows(in)
	if w.full {
		for i := range d {
			d[i] = uint64(uint32(a[i]) + uint32(b[i]))
		}
		return
	}
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = uint64(uint32(a[i]) + uint32(b[i]))
		}
	}
}

func (w *warp) mul32(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = uint64(uint32(a[i]) * uint32(b[i]))
		}
	}
}

func (w *warp) shr32(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = shifted(a[i]>>(b[i]&63), b[i], 32)
		}
	}
}

func (w *warp) fadd32(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = of32(f32(a[i]) + f32(b[i]))
		}
	}
}

func (w *warp) fsub32(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = of32(f32(a[i]) - f32(b[i]))
		}
	}
}

func (w *warp) fmul32(in *instr) {
	d, a, b := w.rows(in)
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = of32(f32(a[i]) * f32(b[i]))
		}
	}
}

func (w *warp) fma32(in *instr) {
	d, a, b := w.rows(in)
	c := w.r[in.c : in.c+len(d)]
	for o := 0; o < len(d); o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			d[i] = of32(fma32(f32(a[i]), f32(b[i]), f32(c[i])))
		}
	}
}
