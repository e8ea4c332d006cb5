package emulator

import (
	"context"
	"fmt"
)

// routine is a function that matrices call for each of their elements.
type routine struct {
	entry  int // block
	params []param
	result int // slot
	t      *typ
}

type param struct {
	slot int
	t    *typ
}

// routine compiles a function. It has registers of its own, so that it may run at any place of the program.
func (c *compiler) routine(f *function) error {
	t := c.m.types[f.typ]
	if t == nil || t.op == opTypeVoid {
		return unknown("functions without a result")
	}
	r := &routine{entry: len(c.p.blocks), t: t, result: c.take(t.slots)}
	for _, p := range f.params {
		pt := c.m.types[p.typ]
		if pt == nil {
			return fmt.Errorf("a parameter without a type")
		}
		c.typeOf[p.id] = p.typ
		c.at[p.id] = c.take(pt.slots)
		r.params = append(r.params, param{c.at[p.id], pt})
	}
	blocks, err := f.order()
	if err != nil {
		return err
	}
	c.returns = r
	defer func() { c.returns = nil }()
	if err := c.body(blocks); err != nil {
		return err
	}
	for _, b := range c.p.blocks[r.entry:] {
		for i := range b.code {
			if b.code[i].barrier {
				return unknown("a barrier in a function")
			}
		}
	}
	c.routines[f.id] = r
	return nil
}

// call runs a routine for the invocations in lanes and comes back to where the program is.
func (w *warp) call(r *routine, lanes []int32) {
	at, ip, live, full, together := w.at, w.ip, w.live, w.full, w.together
	act, pc := append([]int32(nil), w.act...), append([]int(nil), w.pc...)
	w.act = append(w.act[:0], lanes...)
	for l := range w.pc {
		w.pc[l] = gone
	}
	for _, l := range lanes {
		w.pc[l] = r.entry
	}
	w.at, w.ip, w.live, w.full, w.together = r.entry, 0, len(lanes), len(lanes) == w.lanes, true
	w.run(context.Background()) // functions of elements have no loops without an end: glslc inlines what they call
	w.at, w.ip, w.live, w.full, w.together = at, ip, live, full, together
	w.act = append(w.act[:0], act...)
	copy(w.pc, pc)
}

// elementCall is OpCooperativeMatrixPerElementOpNV: f(row, column, element, operands…) for each element of a matrix.
type elementCall struct {
	r        *routine
	m        *typ
	matrix   int
	operands []callOperand
}

type callOperand struct {
	reg, slots int
	each       bool // a matrix: its element is given
}

func (c *compiler) perElement(in inst, x instr) error {
	if len(in.args) < 2 {
		return fmt.Errorf("a function of elements without operands")
	}
	r, m := c.routines[in.args[1]], c.m.types[in.typ]
	if r == nil || !m.matrix() || len(r.params) != 3+len(in.args)-2 {
		return fmt.Errorf("a function of elements with other parameters")
	}
	e := &elementCall{r: r, m: m}
	var err error
	if e.matrix, err = c.operand(in.args[0]); err != nil {
		return err
	}
	for _, id := range in.args[2:] {
		reg, err := c.operand(id)
		if err != nil {
			return err
		}
		t := c.m.types[c.typeOf[id]]
		o := callOperand{reg, t.slots, t.matrix()}
		if o.each {
			if o.slots = 1; t.rows != m.rows || t.cols != m.cols {
				return fmt.Errorf("a function of elements of matrices of different sizes")
			}
		}
		e.operands = append(e.operands, o)
	}
	for i, p := range r.params {
		want := 1
		if i > 2 {
			want = e.operands[i-3].slots
		}
		if p.t.slots != want {
			return fmt.Errorf("parameter %d of a function of elements takes %d numbers, want %d", i, p.t.slots, want)
		}
	}
	x.f, x.x = (*warp).perElement, e
	c.code = append(c.code, x)
	return nil
}

func (w *warp) perElement(in *instr) {
	e := in.x.(*elementCall)
	w.whole("a function of elements")
	lanes := append([]int32(nil), w.act...)
	for i := range e.m.n {
		for l := range w.lanes {
			n := i*w.lanes + l
			w.r[e.r.params[0].slot*w.lanes+l] = uint64(n / e.m.cols)
			w.r[e.r.params[1].slot*w.lanes+l] = uint64(n % e.m.cols)
			w.r[e.r.params[2].slot*w.lanes+l] = w.r[e.matrix+n]
			for k, o := range e.operands {
				p := e.r.params[3+k].slot * w.lanes
				if o.each {
					w.r[p+l] = w.r[o.reg+n]
					continue
				}
				for s := range o.slots {
					w.r[p+s*w.lanes+l] = w.r[o.reg+s*w.lanes+l]
				}
			}
		}
		w.call(e.r, lanes)
		copy(w.r[in.d+i*w.lanes:][:w.lanes], w.r[e.r.result*w.lanes:])
	}
}
