package emulator

import (
	"fmt"
	"math/bits"
	"slices"
)

// Options of Compile.
type Options struct {
	Name  string            // of the kernel, for messages
	Entry string            // entry point
	Spec  map[uint32]uint32 // values of specialization constants by constant_id
	Lanes int               // invocations of a subgroup: a power of two up to 128
}

// Program is a module made ready to run. It does not change: any number of dispatches may run it at once.
type Program struct {
	name    string
	lanes   int
	size    [3]uint32 // of a workgroup
	total   int       // invocations of a workgroup
	slots   int       // registers of an invocation
	shared  int       // bytes
	unit    int       // the smallest number read or written there, bytes
	push    int       // bytes read at most
	fixed   []fixed
	inputs  []input
	blocks  []run
	private []span // registers that hold poison as an invocation begins
	entry   int    // block
}

// fixed is a register that holds a constant; span is a row of registers; input is a built-in variable.
type (
	fixed struct {
		slot  int
		value uint64
	}
	span  struct{ slot, n int }
	input struct {
		slot  int
		which uint32
	}
)

// run is a block made ready: code, then how it ends.
type run struct {
	label uint32
	code  []instr
	end   uint32
	cond  int // register of the condition or selector, by invocation
	edges []edge
	cases []uint64 // of a switch: edges[1+i] is taken for cases[i], edges[0] for all others
}

// edge is a way from one block to another, with what the phis there take.
type edge struct {
	to     int
	copies []move
	apart  bool // no copy takes what another gives
}

type move struct{ d, s, n int } // n registers of every invocation

// instr is an instruction for a whole subgroup: registers of component i of d begin at d + i·lanes.
type instr struct {
	f       func(*warp, *instr)
	d       int
	a, b, c int
	n       int // components
	op      uint32
	bits    uint32
	x       any
	barrier bool // of the workgroup: f is nil
}

// compiler turns a module into a program.
type compiler struct {
	m       *module
	o       Options
	p       *Program
	lanes   int
	scalars map[uint32]uint64
	values  map[uint32][]uint64 // constants
	typeOf  map[uint32]uint32
	at      map[uint32]int   // id → slot
	places  map[uint32]place // pointers known before the program runs
	left    map[uint32]int   // uses of a value that lives in one block only, still to come
	free    map[int][]int    // rows of registers to use again, by length
	next    int              // slots taken
	code    []instr

	coherent map[uint32]bool // pointers
	routines map[uint32]*routine
	returns  *routine // being compiled
}

// place is where a pointer points that is known beforehand: a slot of registers, or bytes of shared memory or push constants.
type place struct {
	class uint32
	at    int
	end   int // of the variable
	t     *typ
}

// Compile makes a module ready for subgroups of a size.
func Compile(words []uint32, o Options) (_ *Program, err error) {
	// What a validator refuses, such as an operand of the wrong type, meets Go's own checks on the way.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("emulator: compile %s: a damaged module, or a mistake here: %v", o.Name, r)
		}
	}()
	if o.Lanes < 1 || o.Lanes > 128 || bits.OnesCount(uint(o.Lanes)) != 1 {
		return nil, fmt.Errorf("emulator: compile %s: got subgroups of %d, want a power of two up to 128", o.Name, o.Lanes)
	}
	if len(words) < 5 {
		return nil, fmt.Errorf("emulator: compile %s: got %d words, want a module", o.Name, len(words))
	}
	m, err := parse(words, o.Entry)
	if err != nil {
		return nil, fmt.Errorf("emulator: compile %s: %w", o.Name, err)
	}
	c := &compiler{m: m, o: o, p: &Program{name: o.Name, lanes: o.Lanes, unit: 8}, lanes: o.Lanes, scalars: map[uint32]uint64{}, values: map[uint32][]uint64{},
		typeOf: map[uint32]uint32{}, at: map[uint32]int{}, places: map[uint32]place{}, free: map[int][]int{}, coherent: map[uint32]bool{}, routines: map[uint32]*routine{}}
	if err := c.compile(); err != nil {
		return nil, fmt.Errorf("emulator: compile %s: %w", o.Name, err)
	}
	return c.p, nil
}

func (c *compiler) compile() error {
	if err := c.widen(); err != nil {
		return err
	}
	for _, g := range c.m.globals {
		c.typeOf[g.id] = g.typ
		if g.op == opVariable {
			continue
		}
		if err := c.constant(g, c.o.Spec); err != nil {
			return err
		}
	}
	for _, t := range c.m.types {
		if err := c.measure(t, 0); err != nil {
			return err
		}
	}
	for i := range c.p.size {
		c.p.size[i] = c.m.localSize[i]
		if id := c.m.sizeIDs[i]; id != 0 {
			c.p.size[i] = uint32(c.scalars[id])
		}
	}
	for id, which := range c.m.builtIns { // a constant of this name overrides the mode
		if v := c.values[id]; which == builtWorkgroupSize && len(v) == 3 {
			c.p.size = [3]uint32{uint32(v[0]), uint32(v[1]), uint32(v[2])}
		}
	}
	s := c.p.size
	if s[0] == 0 || s[1] == 0 || s[2] == 0 || s[0] > 4096 || s[1] > 4096 || s[2] > 4096 || s[0]*s[1]*s[2] > 4096 {
		return fmt.Errorf("got a workgroup of %d by %d by %d invocations, want 1 to 4096", s[0], s[1], s[2])
	}
	c.p.total = int(s[0] * s[1] * s[2])
	for _, g := range c.m.globals {
		if g.op == opVariable {
			if err := c.variable(g); err != nil {
				return err
			}
		}
	}
	prologue := c.code
	var main *function
	for _, f := range c.m.functions {
		if f.id == c.m.entry {
			main = f
		}
	}
	if main == nil {
		return fmt.Errorf("the entry point is no function")
	}
	for _, f := range c.m.functions {
		if f != main {
			if err := c.routine(f); err != nil {
				return err
			}
		}
	}
	clear(c.free) // routines run in the middle of others, and keep their registers
	blocks, err := main.order()
	if err != nil {
		return err
	}
	c.p.entry = len(c.p.blocks)
	if err := c.body(blocks); err != nil {
		return err
	}
	c.p.blocks[c.p.entry].code = append(prologue, c.p.blocks[c.p.entry].code...)
	return nil
}

// widen has all invocations of a workgroup go in lockstep where they own matrices together.
func (c *compiler) widen() error {
	for _, t := range c.m.types {
		if t.op != opTypeCooperativeMatrix {
			continue
		}
		for _, g := range c.m.globals {
			if g.op == opConstant || g.op == opSpecConstant {
				if err := c.constant(g, c.o.Spec); err != nil {
					return err
				}
			}
		}
		if c.scalars[t.args[1]] != scopeWorkgroup {
			return nil
		}
		total := uint64(1)
		for i, n := range c.m.localSize {
			if id := c.m.sizeIDs[i]; id != 0 {
				n = uint32(c.scalars[id])
			}
			total *= uint64(n)
		}
		if total == 0 || total > 1024 {
			return fmt.Errorf("got a workgroup of %d invocations, want 1 to 1024", total)
		}
		c.lanes = int(total)
		c.p.lanes, c.p.total = c.lanes, c.lanes
		return nil
	}
	return nil
}

// body compiles blocks in the order given.
func (c *compiler) body(blocks []*block) error {
	index, base := map[uint32]int{}, len(c.p.blocks)
	for i, b := range blocks {
		index[b.label] = i
		for _, in := range slices.Concat(b.phis, b.code) {
			if in.id != 0 {
				c.typeOf[in.id] = in.typ
			}
		}
	}
	c.count(blocks)
	for _, b := range blocks {
		for _, in := range b.phis {
			if _, err := c.result(in); err != nil {
				return err
			}
		}
	}
	for _, b := range blocks {
		c.code = nil
		for _, in := range b.code {
			if err := c.instruction(in); err != nil {
				return fmt.Errorf("block %d: %w", b.label, err)
			}
			c.release(in)
		}
		r := run{label: b.label, code: c.code, end: b.end.op}
		if err := c.leave(b, &r); err != nil {
			return err
		}
		c.p.blocks = append(c.p.blocks, r)
	}
	// Edges wait until every value has its registers.
	for i, b := range blocks {
		for _, l := range b.targets(false) {
			to := blocks[index[l]]
			e := edge{to: base + index[l]}
			for _, phi := range to.phis {
				for k := 0; k+1 < len(phi.args); k += 2 {
					if phi.args[k+1] != b.label {
						continue
					}
					s, err := c.operand(phi.args[k])
					if err != nil {
						return err
					}
					e.copies = append(e.copies, move{c.at[phi.id] * c.lanes, s, c.m.types[phi.typ].slots})
				}
			}
			e.apart = true
			for _, x := range e.copies {
				for _, y := range e.copies {
					e.apart = e.apart && (x.s+x.n*c.lanes <= y.d || y.d+y.n*c.lanes <= x.s)
				}
			}
			r := &c.p.blocks[base+i]
			r.edges = append(r.edges, e)
		}
		if b.end.op == opSwitch { // its targets come from the last case, then the default
			slices.Reverse(c.p.blocks[base+i].edges)
		}
	}
	c.p.slots = c.next
	if c.next*c.lanes > 64<<20 {
		return fmt.Errorf("got a program of %d registers", c.next)
	}
	return nil
}

// leave compiles how a block ends.
func (c *compiler) leave(b *block, r *run) (err error) {
	switch b.end.op {
	case opBranch, opReturn, opUnreachable:
	case opReturnValue:
		if c.returns == nil {
			return fmt.Errorf("the entry point returns a value")
		}
		s, err := c.operand(b.end.args[0])
		if err != nil {
			return err
		}
		r.code = append(r.code, instr{f: (*warp).copy, d: c.returns.result * c.lanes, a: s, n: c.returns.t.slots})
		r.end = opReturn
	case opBranchConditional, opSwitch:
		if r.cond, err = c.operand(b.end.args[0]); err != nil {
			return err
		}
		if b.end.op == opSwitch {
			if t := c.m.types[c.typeOf[b.end.args[0]]]; t == nil || t.bits > 32 {
				return unknown("a switch on numbers of more than 32 bits")
			}
			for i := 2; i+1 < len(b.end.args); i += 2 {
				r.cases = append(r.cases, uint64(b.end.args[i]))
			}
		}
	default:
		return unknown("a block that ends with instruction %d", b.end.op)
	}
	return nil
}

// variable places a variable.
func (c *compiler) variable(in inst) error {
	pt := c.m.types[in.typ]
	if pt == nil || !pt.pointer() || len(in.args) == 0 {
		return fmt.Errorf("variable %d has no pointer type", in.id)
	}
	t, class := pt.elem, in.args[0]
	p := place{class: class, t: t}
	switch class {
	case classFunction, classPrivate, classInput:
		p.class, p.at = classFunction, c.next
		c.next += t.slots
		p.end = c.next
		if class == classInput {
			which, ok := c.m.builtIns[in.id]
			if !ok {
				return unknown("an input that is no built-in")
			}
			c.p.inputs = append(c.p.inputs, input{p.at, which})
			break
		}
		c.p.private = append(c.p.private, span{p.at, t.slots})
		if len(in.args) > 1 {
			s, err := c.operand(in.args[1])
			if err != nil {
				return err
			}
			c.code = append(c.code, instr{f: (*warp).copy, d: p.at * c.lanes, a: s, n: t.slots})
		}
	case classWorkgroup:
		if len(in.args) > 1 {
			return unknown("shared memory with an initial value")
		}
		a := max(t.align, 16)
		p.at = (c.p.shared + a - 1) / a * a
		p.end = p.at + t.size
		c.p.shared = p.end
		if c.p.shared > 1<<20 {
			return fmt.Errorf("got %d bytes of shared memory", c.p.shared)
		}
	case classPushConstant:
		p.end = t.size
		c.p.push = max(c.p.push, t.size)
	default:
		return unknown("variables of storage class %d", class)
	}
	c.places[in.id] = p
	return nil
}
