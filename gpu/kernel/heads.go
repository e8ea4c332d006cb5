package kernel

import (
	"fmt"
	"slices"

	"tuff/host/compute"
)

// matMulHeads plans multiplications by a matrix for each head on the kernels of experts: head h is expert h of every token, so
// that no ids are read and the tiles of each head are known beforehand.
func (pl *planner) matMulHeads(g *Group, op compute.MatMulHeads) error {
	w := pl.p.At(op.W)
	rowBytes, err := w.DType.RowBytes(w.Cols)
	if err != nil {
		return err
	}
	n, slots := w.Rows.Fixed/op.NumHeads, compute.PerToken(op.NumHeads)
	sizes := []Arg{rowsArg(slots), u32(op.NumHeads)}
	few := func(s Shape) bool { return pl.caps.SubgroupArith && s.Tokens <= maxVecRows }
	if pl.caps.SubgroupArith {
		module, err := moduleOf("matmul_experts", w.DType, "_vec")
		if err != nil {
			return err
		}
		const height = 4
		least := min(max(int(pl.caps.SubgroupSize), 8), 64)
		wg := min(max(pow2(ceilDiv(w.Cols, 16)), least), 64)
		g.addIf(Dispatch{Module: module, Name: module, Spec: []uint32{uint32(wg), height, 0, 1, 1},
			Args: slices.Concat([]Arg{addr(op.X), addr(op.W), addr(0), addr(0), addr(op.Out)}, codebook(w.DType), sizes,
				[]Arg{u32(op.NumHeads), u32(n), u32(w.Cols), u32(int(rowBytes))}),
			Grid:  func(s Shape) [3]uint32 { return pl.fold(slots.At(s.Sizes()) * ceilDiv(n, height)) },
			Reads: refs(op.X, op.W), Writes: refs(op.Out)}, few)
	}
	if !few(pl.most) {
		module, err := moduleOf("matmul_experts", w.DType, "_tile")
		if err != nil {
			return err
		}
		t := tile32
		if !pl.fits(t, false) {
			return unsupported("got %d bytes of shared memory, want %d for tiles", pl.caps.SharedBytes, t.shared(false))
		}
		g.addIf(Dispatch{Module: module, Name: fmt.Sprintf("%s_%d", module, t.bm),
			Spec: []uint32{uint32(t.invocations()), uint32(t.bm), uint32(t.bn), uint32(t.bk), uint32(t.tm), uint32(t.tn), 0, 1, 1},
			Args: slices.Concat([]Arg{addr(op.X), addr(op.W), addr(0), addr(0), addr(0), addr(op.Out)}, codebook(w.DType), sizes,
				[]Arg{u32(n), u32(w.Cols), u32(int(rowBytes))}),
			Grid: func(s Shape) [3]uint32 {
				grid := pl.fold(ceilDiv(n, t.bm))
				grid[2] = uint32(op.NumHeads * ceilDiv(s.Tokens, t.bn))
				return grid
			},
			Reads: refs(op.X, op.W), Writes: refs(op.Out)}, func(s Shape) bool { return !few(s) })
	}
	g.Kernel = g.Dispatches[0].Name
	if last := g.Dispatches[len(g.Dispatches)-1].Name; last != g.Kernel {
		g.Kernel += " to " + last
	}
	g.Why = "a head's matrix for an expert's; no ids"
	return nil
}
