package emulator

// Functions of this file run one instruction for the invocations of w.act. Those of one kind, on whole registers, are in fast.go.

func (w *warp) copy(in *instr) {
	n := in.n * w.lanes
	if w.full {
		copy(w.r[in.d:in.d+n], w.r[in.a:in.a+n])
		return
	}
	d, a := w.r[in.d:in.d+n], w.r[in.a:in.a+n]
	for o := 0; o < n; o += w.lanes {
		for _, l := range w.act {
			d[o+int(l)] = a[o+int(l)]
		}
	}
}

func (w *warp) unary(in *instr) {
	f := in.x.(func(uint64) uint64)
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			w.r[in.d+i] = f(w.r[in.a+i])
		}
	}
}

func (w *warp) binary(in *instr) {
	f := in.x.(func(a, b uint64) uint64)
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			w.r[in.d+i] = f(w.r[in.a+i], w.r[in.b+i])
		}
	}
}

func (w *warp) ternary(in *instr) {
	f := in.x.(func(a, b, c uint64) uint64)
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			w.r[in.d+i] = f(w.r[in.a+i], w.r[in.b+i], w.r[in.c+i])
		}
	}
}

// byScalar multiplies each part by one number.
func (w *warp) byScalar(in *instr) {
	f := in.x.(func(a, b uint64) uint64)
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			w.r[in.d+o+int(l)] = f(w.r[in.a+o+int(l)], w.r[in.b+int(l)])
		}
	}
}

func (w *warp) dot(in *instr) {
	f := in.x.([2]func(a, b uint64) uint64)
	for _, l := range w.act {
		sum := f[0](w.r[in.a+int(l)], w.r[in.b+int(l)])
		for k := 1; k < in.n; k++ {
			i := k*w.lanes + int(l)
			sum = f[1](sum, f[0](w.r[in.a+i], w.r[in.b+i]))
		}
		w.r[in.d+int(l)] = sum
	}
}

// any is OpAny and OpAll.
func (w *warp) any(in *instr) {
	for _, l := range w.act {
		n := 0
		for k := range in.n {
			n += int(w.r[in.a+k*w.lanes+int(l)])
		}
		w.r[in.d+int(l)] = truth(n == in.n || n > 0 && in.op == opAny)
	}
}

func (w *warp) splat(in *instr) {
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			w.r[in.d+o+int(l)] = w.r[in.a+int(l)]
		}
	}
}

// choose is OpSelect by one condition, chooseEach by one for each part.
func (w *warp) choose(in *instr) {
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			if w.r[in.a+int(l)] != 0 {
				w.r[in.d+i] = w.r[in.b+i]
			} else {
				w.r[in.d+i] = w.r[in.c+i]
			}
		}
	}
}

func (w *warp) chooseEach(in *instr) {
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			i := o + int(l)
			if w.r[in.a+i] != 0 {
				w.r[in.d+i] = w.r[in.b+i]
			} else {
				w.r[in.d+i] = w.r[in.c+i]
			}
		}
	}
}

// pick is OpVectorExtractDynamic.
func (w *warp) pick(in *instr) {
	for _, l := range w.act {
		k := w.r[in.b+int(l)]
		if k >= uint64(in.n) {
			w.lane = l
			panic(wrong("component %d of a vector of %d", k, in.n))
		}
		w.r[in.d+int(l)] = w.r[in.a+int(k)*w.lanes+int(l)]
	}
}

// recut is OpBitcast between vectors of different numbers of parts.
func (w *warp) recut(in *instr) {
	t := in.x.([2]*typ)
	from, to := t[0].of().bits, t[1].of().bits
	n, m := t[0].slots, t[1].slots
	for _, l := range w.act {
		var all [2]uint64 // vectors of four numbers of 32 bits at most, or two of 64
		for k := range n {
			bit := uint32(k) * from
			all[bit/64] |= (w.r[in.a+k*w.lanes+int(l)] & mask(from)) << (bit % 64)
		}
		for k := range m {
			bit := uint32(k) * to
			w.r[in.d+k*w.lanes+int(l)] = all[bit/64] >> (bit % 64) & mask(to)
		}
	}
}

// field is OpBitFieldUExtract and OpBitFieldSExtract.
func (w *warp) field(in *instr) {
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		for _, l := range w.act {
			off, n := uint32(w.r[in.b+int(l)]), uint32(w.r[in.c+int(l)])
			v := uint64(0)
			switch {
			case off+n > in.bits || n > in.bits:
				v = poison & mask(in.bits)
			case n > 0:
				if v = w.r[in.a+o+int(l)] >> off & mask(n); in.op == opBitFieldSExtract {
					v = uint64(signed(v, n)) & mask(in.bits)
				}
			}
			w.r[in.d+o+int(l)] = v
		}
	}
}

func (w *warp) unpackHalf(in *instr) {
	for _, l := range w.act {
		v := w.r[in.a+int(l)]
		w.r[in.d+int(l)] = of32(f16(v & 0xffff))
		w.r[in.d+w.lanes+int(l)] = of32(f16(v >> 16))
	}
}

// packedDot is OpSDot of four bytes each.
func (w *warp) packedDot(in *instr) {
	for _, l := range w.act {
		a, b := uint32(w.r[in.a+int(l)]), uint32(w.r[in.b+int(l)])
		s := int32(0)
		for k := 0; k < 32; k += 8 {
			s += int32(int8(a>>k)) * int32(int8(b>>k))
		}
		w.r[in.d+int(l)] = uint64(uint32(s))
	}
}

// elect is true for the first invocation that is active.
func (w *warp) elect(in *instr) {
	for i, l := range w.act {
		w.r[in.d+int(l)] = truth(i == 0)
	}
}

// reduce folds a value over the invocations that are active, as a tree of neighbours, which is how hardware does.
func (w *warp) reduce(in *instr) {
	f := in.x.(func(a, b uint64) uint64)
	for o := 0; o < in.n*w.lanes; o += w.lanes {
		s := w.scratch[:0]
		for _, l := range w.act {
			s = append(s, w.r[in.a+o+int(l)])
		}
		w.scratch = s
		for len(s) > 1 {
			half := (len(s) + 1) / 2
			for i := half; i < len(s); i++ {
				s[i-half] = f(s[i-half], s[i])
			}
			s = s[:half]
		}
		for _, l := range w.act {
			w.r[in.d+o+int(l)] = s[0]
		}
	}
}

// subgroupBarrier lets the invocations of the subgroup see what others of it wrote.
func (w *warp) subgroupBarrier(*instr) {
	if !w.together {
		panic(wrong("a subgroup barrier that %d of %d invocations come to", len(w.act), w.live))
	}
	w.passed++
}
