package kernel

import (
	"fmt"
	"slices"

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
func (m slots) spec() []uint32 { return []uint32{flag(m.bias != 0), flag(m.perSlot), flag(m.heads)} }

// vecHeight is the number of weight rows of a workgroup: each is one more independent stream of loads.
const vecHeight = 4

// slotsVec is one workgroup per few weight rows of each slot.
func (pl *planner) slotsVec(m slots) (Dispatch, error) {
	w := pl.p.At(m.w)
	module, rowBytes, err := expertsModule(w, "_vec")
	if err != nil {
		return Dispatch{}, err
	}
	n, rows := w.Rows.Fixed/m.matrices, compute.PerToken(m.used)
	return Dispatch{Module: module, Name: module, Spec: append([]uint32{pl.vecGroup(w.Cols), vecHeight}, m.spec()...),
		Args: slices.Concat([]Arg{addr(m.x), addr(m.w), addr(m.bias), addr(m.ids), addr(m.out)}, codebook(w.DType),
			[]Arg{rowsArg(rows), u32(m.used), u32(m.matrices), u32(n), u32(w.Cols), u32(rowBytes)}),
		Grid:  func(s Shape) [3]uint32 { return pl.fold(rows.At(s.Sizes()) * ceilDiv(n, vecHeight)) },
		Reads: refs(m.x, m.w, m.bias, m.ids), Writes: refs(m.out)}, nil
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
		Reads: reads, Writes: refs(m.out)}, nil
}

func expertsModule(w *compute.Tensor, form string) (module string, rowBytes int, err error) {
	if module, err = moduleOf("matmul_experts", w.DType, form); err != nil {
		return "", 0, err
	}
	row, err := LayoutOf(w.DType, w.Cols)
	return module, row.Bytes, err
}
