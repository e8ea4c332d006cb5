package kernel

import (
	"slices"

	"tuff/host/compute"
)

// feedForward is a gate and an up projection joined by SwiGLU, perhaps behind a norm, and the multiplication of their result, perhaps
// with a residual. Where both sides multiply bytes, or halves on matrix units, the first leaves many rows in blocks of those for the
// second, and in no other form.
type feedForward struct {
	in    projection // with pair
	out   product
	bytes bool   // else halves
	top   uint32 // of those
}

// feedForwardAt finds one that begins at op at and gains by being one group.
func (pl *planner) feedForwardAt(at int) (f feedForward, ok bool) {
	if f.in, ok = pl.projectionAt(at); !ok || f.in.pair == nil {
		pair, ok := pl.gated(at)
		if !ok {
			return f, false
		}
		f.in = projection{pair: &pair, mats: pair.ops, count: pair.count}
	}
	if f.in.end.fn != nil {
		return f, false
	}
	next := at + f.in.count
	op, ok := pl.matMulAt(next)
	if !ok || op.X != f.in.pair.out || !pl.private(op.X) {
		return f, false
	}
	if f.out, ok = pl.withResidual(next); !ok {
		f.out = product{ops: []compute.MatMul{op}, out: op.Out, count: 1}
	}
	in, out := pl.newMatMulPlan(new(Group), *f.in.pair), pl.newMatMulPlan(new(Group), f.out)
	f.bytes, f.top = in.int8 && out.int8, out.top()
	return f, out.most > maxVecRows && (f.bytes || in.takesEights() && out.takesEights() && pl.p.At(op.X).Cols%chunk == 0)
}

// chunk is the number of elements whose scales are read at a time: shaders/include/eights.glsl.
const chunk = 64

// takesEights reports whether a product's kernels for many rows read halves in blocks of 8 and leave them.
func (m *matMulPlan) takesEights() bool {
	return m.coop && m.caps.SubgroupArith && (m.units == "matmul_coop" || m.units == "matmul_coop_half")
}

// feedForward plans both. What lies between them is no tensor of the program any more: blocks for many rows, float32 for few.
func (pl *planner) feedForward(g *Group, f feedForward) error {
	between, pair := f.in.pair.out, *f.in.pair
	rows, cols := pl.p.At(between).Rows, pl.p.At(between).Cols
	blocks := blocksTemp("SwiGLU in blocks of bytes", rows, cols)
	if !f.bytes {
		blocks = Temp{Name: "SwiGLU in halves", Bytes: func(s Shape) int64 { return int64(rows.At(s.Sizes())) * int64(cols/8) * (16 + 2) }}
	}
	g.Temps = append(g.Temps, blocks,
		Temp{Name: "SwiGLU of few rows", Bytes: func(s Shape) int64 { return 4 * int64(min(rows.At(s.Sizes()), maxVecRows)) * int64(cols) }})
	id, few := len(g.Temps)-2, len(g.Temps)-1
	if f.bytes {
		pair.blocks = &inBlocks{x: between, temp: id}
	} else {
		pair.halves = &inHalves{x: between, top: f.top, temp: id, eights: true}
		g.halves = append(g.halves, *pair.halves)
	}
	f.in.pair = &pair
	if err := pl.project(g, f.in); err != nil {
		return err
	}
	kernel := g.Kernel
	m := pl.newMatMulPlan(g, f.out)
	if err := m.few(); err != nil {
		return err
	}
	if err := m.many(); err != nil {
		return err
	}
	if many := pl.most; slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return d.touches(between) && d.Grid(many)[0] > 0 }) {
		panic("BUG: kernel: many rows go by the memory of few")
	}
	g.hide(between, few)
	g.Kernel = kernel + " + " + g.Dispatches[len(g.Dispatches)-1].Name
	g.Why = "the result of SwiGLU goes on in halves: beyond 8 rows matrix units on both sides of it"
	if f.bytes {
		g.Why = "the result of SwiGLU goes on in bytes: beyond 8 rows packed dot products on both sides of it"
	}
	g.Why += m.whySums() + g.whyTuned()
	return nil
}

// leave makes a dispatch of a product leave its result in blocks, where it has those.
func (f product) leave(d Dispatch) Dispatch {
	switch {
	case f.blocks != nil:
		return d.leaving(f.out, f.blocks.temp)
	case f.halves != nil:
		return d.leaving(f.out, f.halves.temp)
	}
	return d
}

// leaving is a dispatch that leaves in a temporary what it would leave in r.
func (d Dispatch) leaving(r compute.Ref, id int) Dispatch {
	d.Args = slices.Clone(d.Args)
	for i, a := range d.Args {
		if a.Kind == ArgAddr && a.Ref == r {
			d.Args[i] = temp(id)
		}
	}
	d.Writes = []Access{{Temp: id}}
	return d
}

// touches says whether a dispatch reads or writes a tensor.
func (d *Dispatch) touches(r compute.Ref) bool {
	return slices.ContainsFunc(d.Reads, func(a Access) bool { return a.Ref == r }) || slices.ContainsFunc(d.Writes, func(a Access) bool { return a.Ref == r })
}

// hide puts a temporary in the place of a tensor that nothing outside of the group touches.
func (g *Group) hide(r compute.Ref, id int) {
	for i := range g.Dispatches {
		d := &g.Dispatches[i]
		for j, a := range d.Args {
			if a.Kind == ArgAddr && a.Ref == r {
				d.Args[j] = temp(id)
			}
		}
		for _, list := range [][]Access{d.Reads, d.Writes} {
			for j, a := range list {
				if a.Ref == r {
					list[j] = Access{Temp: id}
				}
			}
		}
	}
}
