package emulator

import "fmt"

// matrixMemory is a load or store of a matrix by a subgroup.
type matrixMemory struct {
	*access
	m      *typ
	stride int // register, -1: none is given
	bits   uint32
	cols   bool // columns lie together
}

// matrixAccess compiles OpCooperativeMatrixLoadKHR and StoreKHR.
func (c *compiler) matrixAccess(in inst, x instr, a *access) error {
	args := in.args[1:]
	mm := &matrixMemory{access: a, stride: -1}
	mm.m = c.m.types[in.typ]
	if in.op == opCooperativeMatrixStore {
		var err error
		if a.value, err = c.operand(args[0]); err != nil {
			return err
		}
		a.write = true
		mm.m = c.m.types[c.typeOf[args[0]]]
		args = args[1:]
	}
	if mm.m == nil || !mm.m.matrix() || len(args) == 0 {
		return fmt.Errorf("a matrix load or store of what is no matrix")
	}
	layout, ok := c.scalars[args[0]]
	if !ok || layout > 1 {
		return unknown("matrix layout %d", layout)
	}
	mm.cols = layout == 1
	if len(args) > 1 {
		r, err := c.operand(args[1])
		if err != nil {
			return err
		}
		mm.stride, mm.bits = r, c.m.types[c.typeOf[args[1]]].bits
	}
	if a.class != classWorkgroup && a.class != classPhysical {
		return unknown("matrices in storage class %d", a.class)
	}
	if a.t.op == opTypeArray || a.t.op == opTypeRuntimeArray { // a pointer to the array is one to its first element
		a.t = a.t.elem
	}
	if !a.t.scalar() && a.t.op != opTypeVector {
		return unknown("matrices in memory of this type")
	}
	c.shares(a.class, mm.m.elem.size)
	x.f, x.x, x.n = (*warp).matrix, mm, mm.m.n
	c.code = append(c.code, x)
	return nil
}

// whole checks that the subgroup is together, which matrices ask for.
func (w *warp) whole(what string) {
	if !w.full {
		panic(wrong("%s with %d of %d invocations", what, len(w.act), w.lanes))
	}
}

// uniform is a register that all invocations have alike.
func (w *warp) uniform(reg int, what string) uint64 {
	v := w.r[reg]
	for _, x := range w.r[reg:][:w.lanes] {
		if x != v {
			panic(wrong("%s is not the same for all invocations: %#x and %#x", what, v, x))
		}
	}
	return v
}

// matrix loads or stores a matrix: element (r, c) is at pointer + r·stride, or c·stride where columns lie together. The stride counts what
// the pointer points to.
func (w *warp) matrix(in *instr) {
	mm := in.x.(*matrixMemory)
	a, m := mm.access, mm.m
	w.whole("a matrix load or store")
	base := uint64(a.fixed)
	if a.fixed < 0 {
		base = w.uniform(a.reg, "the pointer of a matrix")
	}
	stride := 0
	if mm.stride >= 0 {
		stride = int(signed(w.uniform(mm.stride, "the stride of a matrix"), mm.bits)) * a.t.size
	}
	lines, length := m.rows, m.cols
	if mm.cols {
		lines, length = m.cols, m.rows
	}
	size := m.elem.size
	// VUID-RuntimeSpirv-OpCooperativeMatrixLoadKHR-08986: the lesser of 16 bytes and a line.
	if n := uint64(min(16, length*size)); base%n != 0 || stride%int(n) != 0 {
		panic(wrong("a matrix at %#x with %d bytes from line to line, want multiples of %d", base, stride, n))
	}
	value := in.d
	if a.write {
		value = a.value
	}
	for i := range lines {
		b := w.line(a, base+uint64(i*stride), length*size)
		for k := range length {
			e := i*m.cols + k
			if mm.cols {
				e = k*m.cols + i
			}
			if a.write {
				put(b[k*size:], w.r[value+e], m.elem.bits)
			} else {
				w.r[value+e] = get(b[k*size:], m.elem.bits)
			}
		}
	}
}

// line finds the bytes of a row or column and checks the access by the subgroup as a whole.
func (w *warp) line(a *access, place uint64, n int) []byte {
	if a.class == classPhysical {
		m, b := at(w.g.list, place, uint64(n))
		if !w.g.m.Unchecked {
			m.touch(place&(1<<32-1), uint64(n), w.g.visit(a.coherent), w.g.since, a.write)
		}
		return b
	}
	off := int(place)
	if off < 0 || off+n > len(w.g.shared) {
		panic(wrong("bytes %d to %d of %d of shared memory", off, off+n, len(w.g.shared)))
	}
	if w.g.races != nil {
		w.g.races.check(w, anyone, off, n, a.write)
	}
	return w.g.shared[off : off+n]
}

// product compiles OpCooperativeMatrixMulAddKHR.
func (c *compiler) product(in inst, x instr) error {
	if len(in.args) < 3 {
		return fmt.Errorf("a matrix product of %d operands", len(in.args))
	}
	p := &matrixProduct{}
	for i, id := range in.args[:3] {
		r, err := c.operand(id)
		if err != nil {
			return err
		}
		t := c.m.types[c.typeOf[id]]
		if t == nil || !t.matrix() {
			return fmt.Errorf("a product of what is no matrix")
		}
		p.t[i], p.reg[i] = t, r
	}
	a, b, sum, out := p.t[0], p.t[1], p.t[2], c.m.types[in.typ]
	if a.cols != b.rows || a.rows != sum.rows || b.cols != sum.cols || out.rows != sum.rows || out.cols != sum.cols {
		return fmt.Errorf("a product of matrices of %d by %d and %d by %d for one of %d by %d", a.rows, a.cols, b.rows, b.cols, out.rows, out.cols)
	}
	if len(in.args) > 3 {
		p.operands = in.args[3]
	}
	if p.operands&16 != 0 {
		return unknown("matrix products that saturate")
	}
	x.f, x.x = (*warp).mulAdd, p
	if !out.elem.float {
		x.f = (*warp).mulAddInt
	}
	c.code = append(c.code, x)
	return nil
}

// matrixProduct is Result = A·B + C.
type matrixProduct struct {
	t        [3]*typ
	reg      [3]int
	operands uint32
}

// mulAdd sums products in float32, as matrix units do at least, and rounds to the result's type at the end.
func (w *warp) mulAdd(in *instr) {
	p := in.x.(*matrixProduct)
	w.whole("a matrix product")
	rows, cols, k := p.t[0].rows, p.t[1].cols, p.t[0].cols
	w.fa, w.fb = w.floats(w.fa, p.reg[0], p.t[0]), w.floats(w.fb, p.reg[1], p.t[1])
	half := p.t[2].elem.bits == 16
	for i := range rows {
		for j := range cols {
			e := i*cols + j
			var sum float32
			if c := w.r[p.reg[2]+e]; half {
				sum = f16(c)
			} else {
				sum = f32(c)
			}
			for x, v := range w.fa[i*k : i*k+k] {
				sum += v * w.fb[x*cols+j]
			}
			if in.bits == 16 {
				w.r[in.d+e] = of16(sum)
			} else {
				w.r[in.d+e] = of32(sum)
			}
		}
	}
}

func (w *warp) floats(to []float32, reg int, t *typ) []float32 {
	to = to[:0]
	for _, v := range w.r[reg:][:t.rows*t.cols] {
		if t.elem.bits == 16 {
			to = append(to, f16(v))
		} else {
			to = append(to, f32(v))
		}
	}
	return to
}

func (w *warp) mulAddInt(in *instr) {
	p := in.x.(*matrixProduct)
	w.whole("a matrix product")
	rows, cols, k := p.t[0].rows, p.t[1].cols, p.t[0].cols
	number := func(i int, v uint64) int64 {
		if p.operands>>i&1 != 0 {
			return signed(v, p.t[i].elem.bits)
		}
		return int64(v)
	}
	for i := range rows {
		for j := range cols {
			sum := int64(w.r[p.reg[2]+i*cols+j])
			for x := range k {
				sum += number(0, w.r[p.reg[0]+i*k+x]) * number(1, w.r[p.reg[1]+x*cols+j])
			}
			w.r[in.d+i*cols+j] = uint64(sum) & mask(in.bits)
		}
	}
}
