package emulator

import "fmt"

// A tensor layout is registers: for each dimension its size, stride, offset, span and block size, then the value that elements outside have.
const (
	layoutSize = iota
	layoutStride
	layoutOffset
	layoutSpan
	layoutBlock
	layoutSlots
)

// layout compiles what makes and changes tensor layouts (SPV_NV_tensor_addressing).
func (c *compiler) layout(in inst, x instr) error {
	t := c.m.types[in.typ]
	if t.op != opTypeTensorLayout {
		return fmt.Errorf("a tensor layout of another type")
	}
	l := &layoutChange{op: in.op, dims: t.n}
	if in.op != opCreateTensorLayout {
		per := 1
		if in.op == opTensorLayoutSlice {
			per = 2
		}
		if len(in.args) != 1+per*t.n {
			return fmt.Errorf("a layout of %d dimensions is given %d numbers", t.n, len(in.args)-1)
		}
		for i, id := range in.args {
			r, err := c.operand(id)
			if err != nil {
				return err
			}
			if i == 0 {
				x.a = r
			} else {
				l.numbers = append(l.numbers, r)
			}
		}
	}
	x.f, x.x = (*warp).layout, l
	c.code = append(c.code, x)
	return nil
}

type layoutChange struct {
	op      uint32
	dims    int
	numbers []int // registers
}

func (w *warp) layout(in *instr) {
	c := in.x.(*layoutChange)
	for _, l := range w.act {
		at := func(dim, what int) *uint64 { return &w.r[in.d+(dim*layoutSlots+what)*w.lanes+int(l)] }
		for k := range in.n {
			v := uint64(0)
			if c.op != opCreateTensorLayout {
				v = w.r[in.a+k*w.lanes+int(l)]
			}
			w.r[in.d+k*w.lanes+int(l)] = v
		}
		number := func(i int) uint64 { return w.r[c.numbers[i]+int(l)] }
		stride := uint64(1)
		for i := c.dims - 1; i >= 0; i-- {
			switch c.op {
			case opCreateTensorLayout:
				*at(i, layoutBlock) = 1
			case opTensorLayoutSetBlockSize:
				*at(i, layoutBlock) = number(i)
			case opTensorLayoutSetDimension:
				n := number(i)
				*at(i, layoutSize), *at(i, layoutSpan), *at(i, layoutOffset), *at(i, layoutStride) = n, n, 0, stride
				b := nonzero(*at(i, layoutBlock))
				stride *= (n + b - 1) / b
			case opTensorLayoutSetStride:
				*at(i, layoutStride) = number(i)
			case opTensorLayoutSlice:
				*at(i, layoutOffset) = (*at(i, layoutOffset) + number(2*i)) & mask(32)
				*at(i, layoutSpan) = number(2*i + 1)
			}
		}
	}
}

// tensorLoad is OpCooperativeMatrixLoadTensorNV.
type tensorLoad struct {
	pointer
	m       *typ
	layout  int // register
	dims    int
	clamp   uint64
	order   []int // dimensions of the tensor, the slowest first
	align   uint64
	decode  *routine
	element int // bytes of what the pointer points to
}

func (c *compiler) loadTensor(in inst, x instr) error {
	if len(in.args) < 5 {
		return fmt.Errorf("a tensor load of %d operands", len(in.args))
	}
	p, err := c.pointerTo(in.args[0])
	if err != nil {
		return err
	}
	for p.t.op == opTypeArray || p.t.op == opTypeRuntimeArray {
		p.t = p.t.elem
	}
	lt := c.m.types[c.typeOf[in.args[2]]]
	tl := &tensorLoad{pointer: p, m: c.m.types[in.typ], element: p.t.size}
	if p.class != classPhysical || p.fixed >= 0 || lt == nil || lt.op != opTypeTensorLayout || !tl.m.matrix() || !p.t.scalar() {
		return unknown("a tensor load of this form")
	}
	if tl.layout, err = c.operand(in.args[2]); err != nil {
		return err
	}
	tl.dims, tl.clamp = lt.n, c.scalars[lt.args[1]]
	if tl.clamp > 1 {
		return unknown("clamp mode %d", tl.clamp)
	}
	for i := range lt.n {
		tl.order = append(tl.order, i)
	}
	rest := in.args[3:]
	flags := rest[0]
	rest = rest[1:]
	if flags&memoryAligned != 0 {
		tl.align = uint64(rest[0])
		rest = rest[1:]
	}
	if flags&^memoryAligned != 0 || len(rest) == 0 {
		return unknown("memory operands %#x of a tensor load", flags)
	}
	flags, rest = rest[0], rest[1:]
	if flags&1 != 0 {
		vt := c.m.types[c.typeOf[rest[0]]]
		if vt == nil || vt.op != opTypeTensorView || len(vt.offsets) != lt.n {
			return unknown("a tensor view of this form")
		}
		tl.order, rest = vt.offsets, rest[1:]
	}
	if flags&2 != 0 {
		tl.decode = c.routines[rest[0]]
		if d := tl.decode; d == nil || len(d.params) != 3 || d.params[0].t.slots != 1 || d.params[1].t.slots != lt.n || d.params[2].t.slots != lt.n {
			return fmt.Errorf("a tensor load decodes by a function with other parameters")
		}
	} else if tl.element != tl.m.elem.size {
		return fmt.Errorf("a tensor load of elements of another size")
	}
	x.f, x.x = (*warp).loadTensor, tl
	c.code = append(c.code, x)
	return nil
}

// loadTensor: element e of the matrix, counted along rows, is at a place of the slice, whose dimensions it runs through in the view's order. A
// block of elements has one address, at the sum of its coordinates times their strides; a decoder gets that and where in the block the
// element is.
func (w *warp) loadTensor(in *instr) {
	t := in.x.(*tensorLoad)
	w.whole("a tensor load")
	base := w.uniform(t.reg, "the pointer of a tensor")
	if t.align > 1 && base%t.align != 0 {
		panic(wrong("a tensor at %#x, which is no multiple of %d", base, t.align))
	}
	of := func(dim, what int) uint64 {
		return w.uniform(t.layout+(dim*layoutSlots+what)*w.lanes, "the layout of a tensor")
	}
	var l [8][layoutSlots]uint64
	for i := range t.dims {
		for k := range layoutSlots {
			l[i][k] = of(i, k)
		}
	}
	var decoded []int32
	for i := range t.m.n {
		decoded = decoded[:0]
		for lane := range w.lanes {
			e := uint64(i*w.lanes + lane)
			var place [8]uint64
			for k := t.dims - 1; k >= 0; k-- {
				d := t.order[k]
				span := nonzero(l[d][layoutSpan])
				place[d] = l[d][layoutOffset] + e%span
				e /= span
			}
			address, inside := base, true
			for d := range t.dims {
				if place[d] >= l[d][layoutSize] {
					inside = false
				}
				b := nonzero(l[d][layoutBlock])
				address += place[d] / b * l[d][layoutStride] * uint64(t.element)
				if t.decode != nil {
					w.r[(t.decode.params[1].slot+d)*w.lanes+lane] = place[d] / b
					w.r[(t.decode.params[2].slot+d)*w.lanes+lane] = place[d] % b
				}
			}
			to := &w.r[in.d+i*w.lanes+lane]
			switch {
			case inside && t.decode != nil:
				w.r[t.decode.params[0].slot*w.lanes+lane] = address
				decoded = append(decoded, int32(lane))
			case inside:
				w.lane = int32(lane)
				m, b := at(w.g.list, address, uint64(t.element))
				if !w.g.m.Unchecked {
					m.touch(address&(1<<32-1), uint64(t.element), w.g.visit(false), w.g.since, false)
				}
				*to = get(b, t.m.elem.bits)
			case t.clamp == 0:
				panic(wrong("element %d of a matrix lies outside of its tensor, and nothing says what it is then", i*w.lanes+lane))
			default:
				*to = 0
			}
		}
		if t.decode != nil && len(decoded) > 0 {
			w.call(t.decode, decoded)
			for _, lane := range decoded {
				w.r[in.d+i*w.lanes+int(lane)] = w.r[t.decode.result*w.lanes+int(lane)]
			}
		}
	}
}
