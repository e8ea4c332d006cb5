package emulator

// chain adds indices to a pointer. Indices of arrays with a length must be within; those of vectors are a GLSL compiler's.
func (w *warp) chain(in *instr) {
	terms := in.x.([]term)
	if len(terms) == 1 && in.a >= 0 && terms[0].bound == 0 && terms[0].bits == 32 {
		t := &terms[0]
		d, a, k := w.r[in.d:][:w.lanes], w.r[in.a:][:w.lanes], w.r[t.index:][:w.lanes]
		for _, l := range w.act {
			d[l] = a[l] + uint64(int64(in.b)+int64(int32(k[l]))*int64(t.stride))
		}
		return
	}
	for _, l := range w.act {
		v := uint64(int64(in.b))
		if in.a >= 0 {
			v += w.r[in.a+int(l)]
		}
		for i := range terms {
			t := &terms[i]
			k := signed(w.r[t.index+int(l)], t.bits)
			if t.bound > 0 && (k < 0 || k >= int64(t.bound)) {
				w.lane = l
				panic(wrong("index %d of an array of %d", k, t.bound))
			}
			v += uint64(k * int64(t.stride))
		}
		w.r[in.d+int(l)] = v
	}
}

// private reads or writes a variable of an invocation at an index that is not known beforehand.
func (w *warp) private(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		s := int(w.r[a.reg+int(l)])
		if s < 0 || s+in.n > w.p.slots {
			w.lane = l
			panic(wrong("register %d of %d", s, w.p.slots))
		}
		for k := range in.n {
			v := &w.r[(s+k)*w.lanes+int(l)]
			if a.write {
				*v = w.r[a.value+k*w.lanes+int(l)]
			} else {
				w.r[in.d+k*w.lanes+int(l)] = *v
			}
		}
	}
}

// global finds the bytes at an address and checks the access.
func (w *warp) global(a *access, l int32, address uint64) []byte {
	w.lane = l
	if a.align > 1 && address%a.align != 0 {
		panic(wrong("address %#x is no multiple of %d", address, a.align))
	}
	last := a.leaves[len(a.leaves)-1]
	n := uint64(last.offset) + uint64(last.bits/8)
	m, b := at(w.g.list, address, n)
	if !w.g.m.Unchecked {
		m.touch(address&(1<<32-1), n, w.g.visit(a.coherent), w.g.since, a.write)
	}
	return b
}

func (w *warp) loadGlobal(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		b := w.global(a, l, w.r[a.reg+int(l)])
		for k := range a.leaves {
			f := &a.leaves[k]
			w.r[in.d+k*w.lanes+int(l)] = get(b[f.offset:], f.bits)
		}
	}
}

func (w *warp) storeGlobal(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		b := w.global(a, l, w.r[a.reg+int(l)])
		for k := range a.leaves {
			f := &a.leaves[k]
			put(b[f.offset:], w.r[a.value+k*w.lanes+int(l)], f.bits)
		}
	}
}

// local finds bytes of shared memory and checks the access by an invocation.
func (w *warp) local(a *access, l int32) []byte {
	off := a.fixed
	if off < 0 {
		off = int(w.r[a.reg+int(l)])
	}
	w.lane = l
	last := a.leaves[len(a.leaves)-1]
	n := last.offset + int(last.bits/8)
	if off < 0 || off+n > len(w.g.shared) {
		panic(wrong("byte %d of %d of shared memory", off, len(w.g.shared)))
	}
	if w.g.races != nil {
		w.g.races.check(w, l, off, n, a.write)
	}
	return w.g.shared[off : off+n]
}

func (w *warp) loadShared(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		b := w.local(a, l)
		for k := range a.leaves {
			f := &a.leaves[k]
			w.r[in.d+k*w.lanes+int(l)] = get(b[f.offset:], f.bits)
		}
	}
}

func (w *warp) storeShared(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		b := w.local(a, l)
		for k := range a.leaves {
			f := &a.leaves[k]
			put(b[f.offset:], w.r[a.value+k*w.lanes+int(l)], f.bits)
		}
	}
}

func (w *warp) loadPush(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		off := a.fixed
		if off < 0 {
			off = int(w.r[a.reg+int(l)])
		}
		for k := range a.leaves {
			f := &a.leaves[k]
			i := off + f.offset
			if i < 0 || i+int(f.bits/8) > len(w.g.push) {
				w.lane = l
				panic(wrong("byte %d of %d of push constants", i, len(w.g.push)))
			}
			w.r[in.d+k*w.lanes+int(l)] = get(w.g.push[i:], f.bits)
		}
	}
}

// atomic is an atomic operation on 32 bits: one at a time, all over the machine. Those of one dispatch do not race with each other.
func (w *warp) atomic(in *instr) {
	a := in.x.(*access)
	for _, l := range w.act {
		w.lane = l
		var b []byte
		if a.class == classPhysical {
			address := w.r[a.reg+int(l)]
			if address%4 != 0 {
				panic(wrong("address %#x of an atomic operation is no multiple of 4", address))
			}
			m, bytes := at(w.g.list, address, 4)
			if b = bytes; !w.g.m.Unchecked {
				m.touch(address&(1<<32-1), 4, w.g.visit(true), w.g.since, in.op != opAtomicLoad)
			}
		} else {
			off := a.fixed
			if off < 0 {
				off = int(w.r[a.reg+int(l)])
			}
			if off < 0 || off+4 > len(w.g.shared) {
				panic(wrong("byte %d of %d of shared memory", off, len(w.g.shared)))
			}
			b = w.g.shared[off : off+4]
		}
		var v uint32
		if in.op != opAtomicLoad {
			v = uint32(w.r[a.value+int(l)])
		}
		w.g.m.atomics.Lock()
		old := uint32(get(b, 32))
		now := old
		switch in.op {
		case opAtomicStore:
			now = v
		case opAtomicIAdd:
			now += v
		case opAtomicUMin:
			now = min(now, v)
		case opAtomicUMax:
			now = max(now, v)
		case opAtomicAnd:
			now &= v
		case opAtomicOr:
			now |= v
		}
		if now != old {
			put(b, uint64(now), 32)
		}
		w.g.m.atomics.Unlock()
		if in.op != opAtomicStore {
			w.r[in.d+int(l)] = uint64(old)
		}
	}
}
