package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// slots is a multiplication in which every slot of a token has its own matrix out of the rows of w: the one of an expert, named
// by ids, or the one of a head, which is the slot's number.
type slots struct {
	x, w, bias, ids, out compute.Ref // bias and ids may be absent
	used                 int         // slots of a token
	matrices             int         // matrices of w
	perSlot              bool        // x has a row for each slot rather than for each token
	heads                bool
	xRow, outRow         int // of heads: elements from one of x, and of out, to the next; 0: as many as are read, and written
	// For few slots (mixture.go):
	spread *compute.Mix // x is what this makes of a row of each token and the weights of its slots
	gate   *gate        // w is the gates' matrix, and what they open comes along
	mix    *mix         // the slots of a token are summed
	// For many: where the result is left in blocks of 8 on matrix units, or in blocks of bytes, or neither.
	halves *inHalves
	blocks *inBlocks
}

// gate joins the products of two matrices.
type gate struct {
	up, bias compute.Ref // bias may be absent
	fn       compute.Function
}

// mix sums slots: factor · (Σ weights · slot + open · beside) + residual, of which all may be absent.
type mix struct {
	weights, beside, open, residual compute.Ref
	factor                          float32
}

func (pl *planner) expertSlots(op compute.MatMulExperts) slots {
	used := pl.p.At(op.IDs).Cols
	return slots{x: op.X, w: op.W, bias: op.Bias, ids: op.IDs, out: op.Out, used: used, matrices: op.NumExperts,
		perSlot: pl.p.At(op.X).Rows == compute.PerToken(used) && used > 1}
}

func headSlots(op compute.MatMulHeads) slots {
	return slots{x: op.X, w: op.W, out: op.Out, used: op.NumHeads, matrices: op.NumHeads, perSlot: true, heads: true}
}

// spec are the constants BIAS, X_PER_SLOT and HEADS.
func (m slots) spec() []uint32 {
	bias := flag(m.bias != 0)
	if m.gate != nil {
		bias |= flag(m.gate.bias != 0) << 1
	}
	return []uint32{bias, flag(m.perSlot), flag(m.heads)}
}

// slotsVec is one workgroup per few weight rows of each slot, or with a mix of each token; in lanes, each invocation has rows of its own.
func (pl *planner) slotsVec(m slots, lanes bool) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, "_vec")
	if err != nil {
		return Dispatch{}, err
	}
	g, x, name, rows := gate{}, mix{factor: 1}, module, compute.PerToken(m.used)
	if m.spread != nil {
		m.x, m.perSlot, x.weights, name = m.spread.X, false, m.spread.Weights, name+"_weighed"
	}
	reads := refs(m.x, m.w, m.bias, m.ids, x.weights)
	height, group := pl.caps.vendor().rows, int(pl.vecGroup(w.Cols)) // weight rows of a workgroup: each is one more independent stream of loads
	if lanes {
		name, height, group = strings.Replace(name, "_vec", "_lane", 1), 2, int(max(pl.caps.SubgroupSize, 8))
	}
	if m.gate != nil {
		g, name = *m.gate, name+"_gate"
		height /= 2
		reads = append(reads, refs(g.up, g.bias)...)
	}
	if m.mix != nil {
		x, name, rows = *m.mix, name+"_mix", compute.PerToken(1)
		if !lanes {
			group = int(pl.vecGroup(m.used * w.Cols))
		}
		reads = append(reads, refs(x.weights, x.beside, x.open, x.residual)...)
	}
	ids, aligned := []Arg{addr(m.ids)}, pl.alignedX(m.x)
	n := w.Rows.Fixed / m.matrices
	if m.heads {
		xRow := cmp.Or(m.xRow, w.Cols)
		ids, aligned = []Arg{u32(xRow), u32(cmp.Or(m.outRow, n))}, aligned && xRow%4 == 0
	}
	spec := slices.Concat([]uint32{uint32(group), uint32(height)}, m.spec(), []uint32{flag(aligned), flag(lanes), flag(m.gate != nil), uint32(g.fn),
		flag(m.mix != nil), flag(x.beside != 0) + flag(x.open != 0), flag(x.residual != 0), flag(x.weights != 0)})
	if lanes {
		height *= group
	}
	return Dispatch{Module: module, Name: name, Spec: spec,
		Args: slices.Concat([]Arg{addr(m.x), addr(m.w), addr(g.up), addr(m.bias), addr(g.bias)}, ids, []Arg{addr(x.weights), addr(x.beside), addr(x.open),
			addr(x.residual), addr(m.out)}, codebook(w.DType),
			[]Arg{rowsArg(compute.PerToken(m.used)), u32(m.used), u32(m.matrices), u32(n), u32(w.Cols), u32(rowBytes), f32(x.factor)}),
		Grid:  func(s Shape) [3]uint32 { return pl.fold(rows.At(s.Sizes()) * ceilDiv(n, height)) },
		Reads: reads, Writes: refs(m.out), Issued: pl.slotsOne(m, height)}, nil
}

// slotsTile is one workgroup per tile t of the slots of one matrix; tiles is how many of those there are at most. The temporaries
// hold the schedule of experts: heads need none.
func (pl *planner) slotsTile(m slots, t tile, tiles func(Shape) int, schedule ...int) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, "_tile")
	if err != nil {
		return Dispatch{}, err
	}
	if !pl.fits(t, false) {
		return Dispatch{}, unsupported("got %d bytes of shared memory, want %d for tiles", pl.caps.SharedBytes, t.shared(false))
	}
	order := []Arg{addr(0), addr(0)}
	reads := refs(m.x, m.w, m.bias)
	for i, id := range schedule {
		order[i] = temp(id)
		reads = append(reads, Access{Temp: id})
	}
	n := w.Rows.Fixed / m.matrices
	return Dispatch{Module: module, Name: fmt.Sprintf("%s_%d", module, t.bm), Spec: append(t.spec(), m.spec()...),
		Args: slices.Concat([]Arg{addr(m.x), addr(m.w), addr(m.bias)}, order, []Arg{addr(m.out)}, codebook(w.DType),
			[]Arg{rowsArg(compute.PerToken(m.used)), u32(m.used), u32(n), u32(w.Cols), u32(rowBytes)}),
		Grid: func(s Shape) [3]uint32 {
			grid := pl.fold(ceilDiv(n, t.bm))
			grid[2] = uint32(tiles(s))
			return grid
		},
		Reads: reads, Writes: refs(m.out), Issued: pl.slotsTiles(m, tiling{t.bm, t.bn, t.bk}, floatRow)}, nil
}

func expertsModule(w *compute.Tensor, form string) (module string, rowBytes int, err error) {
	if module, err = moduleOf("matmul_experts", w.DType, form); err != nil {
		return "", 0, err
	}
	row, err := LayoutOf(w.DType, w.Cols)
	return module, row.Bytes, err
}

// slotsGated is one workgroup per tile of the slots of one matrix, or with a gate of two, by the schedule in temporaries 0 and 1. X lies in
// temporary x, in rows of so many bytes. size is the end of its name. It has no constants yet.
func (pl *planner) slotsGated(m slots, form, size string, t tiling, x int, row func(k int) int) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, form)
	if err != nil {
		return Dispatch{}, err
	}
	g, name, reads := gate{}, module+"_"+size, append(refs(m.w, m.bias), Access{Temp: 0}, Access{Temp: 1}, Access{Temp: x})
	if m.gate != nil {
		g, name = *m.gate, name+"_gate"
		reads = append(reads, refs(g.up, g.bias)...)
	}
	n := w.Rows.Fixed / m.matrices
	return Dispatch{Module: module, Name: name,
		Args: slices.Concat([]Arg{temp(x), addr(m.w), addr(g.up), addr(m.bias), addr(g.bias), temp(0), temp(1), addr(m.out)}, codebook(w.DType),
			[]Arg{rowsArg(compute.PerToken(m.used)), u32(m.used), u32(n), u32(w.Cols), u32(rowBytes)}),
		Grid: func(s Shape) [3]uint32 {
			grid := pl.fold(ceilDiv(n, t.bm))
			grid[2] = uint32(tilesOf(s.Tokens*m.used, m.matrices, t.bn))
			return grid
		},
		Reads: reads, Writes: refs(m.out), Issued: pl.slotsTiles(m, t, row)}, nil
}

// gatedSpec are the constants PAIR, BIAS, X_PER_SLOT and FN, and more.
func (m slots) gatedSpec(more ...uint32) []uint32 {
	g := gate{}
	if m.gate != nil {
		g = *m.gate
	}
	return append([]uint32{flag(m.gate != nil), m.spec()[0], flag(m.perSlot), uint32(g.fn)}, more...)
}

// xRows are the rows of X.
func (m slots) xRows() compute.Extent {
	if m.perSlot {
		return compute.PerToken(m.used)
	}
	return compute.PerToken(1)
}
