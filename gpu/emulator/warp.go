package emulator

import (
	"context"
	"math"
)

// warp is a subgroup: its registers, and where its invocations are. Register k of invocation l is r[k·lanes+l].
type warp struct {
	g     *group
	p     *Program
	r     []uint64
	lanes int
	id    int32 // in the workgroup
	first int   // its first invocation, counted in the workgroup

	at, ip   int     // block and instruction
	act      []int32 // invocations that run now
	full     bool    // all lanes do
	together bool    // all that have not returned do
	pc       []int   // block of each invocation
	live     int     // invocations that have not returned
	lane     int32   // at work, for messages; -1: all
	passed   uint32  // barriers of the subgroup

	tmp     []uint64 // of edges
	yes, no []int32
	fa, fb  []float32 // operands of matrix products
	scratch []uint64
}

// gone is the block of an invocation that has returned.
const gone = math.MaxInt

func newWarp(g *group, first int) *warp {
	p := g.p
	w := &warp{g: g, p: p, lanes: p.lanes, id: int32(first / p.lanes), first: first, r: make([]uint64, p.slots*p.lanes), pc: make([]int, p.lanes),
		act: make([]int32, 0, p.lanes), yes: make([]int32, 0, p.lanes), no: make([]int32, 0, p.lanes)}
	for _, f := range p.fixed {
		w.fill(f.slot, f.value)
	}
	return w
}

func (w *warp) fill(slot int, v uint64) {
	row := w.r[slot*w.lanes:][:w.lanes]
	for l := range row {
		row[l] = v
	}
}

// begin puts the invocations at the start of the program.
func (w *warp) begin() {
	p := w.p
	for _, s := range p.private {
		for k := range s.n {
			w.fill(s.slot+k, poison)
		}
	}
	w.act = w.act[:0]
	for l := range w.lanes {
		w.pc[l] = gone
		if w.first+l < p.total {
			w.act = append(w.act, int32(l))
			w.pc[l] = p.entry
		}
	}
	w.live, w.at, w.ip, w.together, w.lane = len(w.act), p.entry, 0, true, -1
	w.full = w.live == w.lanes
	for _, in := range p.inputs {
		w.input(in)
	}
}

// input fills the registers of a built-in variable.
func (w *warp) input(in input) {
	g, s := w.g, w.p.size
	for l := range w.lanes {
		i := uint32(w.first + l)
		local := [3]uint32{i % s[0], i / s[0] % s[1], i / s[0] / s[1]}
		set := func(v ...uint32) {
			for k, x := range v {
				w.r[(in.slot+k)*w.lanes+l] = uint64(x)
			}
		}
		switch in.which {
		case builtNumWorkgroups:
			set(g.grid[:]...)
		case builtWorkgroupSize:
			set(s[:]...)
		case builtWorkgroupID:
			set(g.id[:]...)
		case builtLocalID:
			set(local[:]...)
		case builtGlobalID:
			set(g.id[0]*s[0]+local[0], g.id[1]*s[1]+local[1], g.id[2]*s[2]+local[2])
		case builtLocalIndex:
			set(i)
		case builtSubgroupSize:
			set(uint32(w.lanes))
		case builtNumSubgroups:
			set(uint32(len(g.warps)))
		case builtSubgroupID:
			set(uint32(w.id))
		case builtSubgroupLane:
			set(uint32(l))
		default:
			panic(wrong("built-in variable %d: not known here", in.which))
		}
	}
}

// run goes on until all invocations have returned or wait at a barrier of the workgroup.
func (w *warp) run(ctx context.Context) {
	for steps := 0; ; steps++ {
		if steps&0xfff == 0xfff && ctx.Err() != nil {
			return // the group sees it too
		}
		b := &w.p.blocks[w.at]
		for w.ip < len(b.code) {
			in := &b.code[w.ip]
			w.ip++
			w.lane = -1
			if in.barrier {
				if !w.together {
					panic(wrong("a barrier that %d of %d invocations come to", len(w.act), w.live))
				}
				return
			}
			in.f(w, in)
		}
		w.ip = 0
		if !w.leave(b) {
			return
		}
	}
}

// leave goes from the end of a block to the next; false: all have returned.
func (w *warp) leave(b *run) bool {
	switch b.end {
	case opBranch:
		return w.follow(&b.edges[0])
	case opBranchConditional:
		cond := w.r[b.cond:][:w.lanes]
		w.yes, w.no = w.yes[:0], w.no[:0]
		for _, l := range w.act {
			if cond[l] != 0 {
				w.yes = append(w.yes, l)
			} else {
				w.no = append(w.no, l)
			}
		}
		switch {
		case len(w.no) == 0:
			return w.follow(&b.edges[0])
		case len(w.yes) == 0:
			return w.follow(&b.edges[1])
		}
		w.goTo(&b.edges[0], w.yes)
		w.goTo(&b.edges[1], w.no)
	case opSwitch:
		sel := w.r[b.cond:][:w.lanes]
		for _, l := range w.act {
			e := &b.edges[0]
			for i, v := range b.cases {
				if sel[l] == v {
					e = &b.edges[1+i]
					break
				}
			}
			w.yes = append(w.yes[:0], l)
			w.goTo(e, w.yes)
		}
	case opReturn:
		for _, l := range w.act {
			w.pc[l] = gone
		}
		w.live -= len(w.act)
		if w.live == 0 {
			return false
		}
	default:
		panic(wrong("an unreachable place"))
	}
	w.next()
	return true
}

// goTo moves invocations along an edge: values of phis are taken as they were before.
func (w *warp) goTo(e *edge, lanes []int32) {
	for _, l := range lanes {
		w.pc[l] = e.to
	}
	if len(e.copies) == 0 {
		return
	}
	if e.apart {
		for _, c := range e.copies {
			if len(lanes) == w.lanes {
				copy(w.r[c.d:c.d+c.n*w.lanes], w.r[c.s:])
				continue
			}
			for o := 0; o < c.n*w.lanes; o += w.lanes {
				d, s := w.r[c.d+o:][:w.lanes], w.r[c.s+o:][:w.lanes]
				for _, l := range lanes {
					d[l] = s[l]
				}
			}
		}
		return
	}
	w.tmp = w.tmp[:0]
	for _, c := range e.copies {
		for k := range c.n {
			for _, l := range lanes {
				w.tmp = append(w.tmp, w.r[c.s+k*w.lanes+int(l)])
			}
		}
	}
	t := w.tmp
	for _, c := range e.copies {
		for k := range c.n {
			for i, l := range lanes {
				w.r[c.d+k*w.lanes+int(l)] = t[i]
			}
			t = t[len(lanes):]
		}
	}
}

// follow leaves a block by an edge that all who run take.
func (w *warp) follow(e *edge) bool {
	w.goTo(e, w.act)
	if w.together {
		w.at = e.to
		return true
	}
	w.next()
	return true
}

// next picks the first block, in the program's order, that any invocation is at: those who are further wait there for the others.
func (w *warp) next() {
	at := gone
	for _, p := range w.pc {
		at = min(at, p)
	}
	w.act = w.act[:0]
	for l, p := range w.pc {
		if p == at {
			w.act = append(w.act, int32(l))
		}
	}
	w.at, w.together, w.full = at, len(w.act) == w.live, len(w.act) == w.lanes
}
