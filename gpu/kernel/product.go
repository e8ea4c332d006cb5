package kernel

import (
	"fmt"
	"slices"
	"strings"

	"tuff/host/compute"
)

// product is a multiplication with what is fused into it: up to three matrices of one X, or with pair a gate and an up
// projection joined by SwiGLU, or one matrix with a residual.
type product struct {
	ops      []compute.MatMul
	pair     bool
	residual compute.Ref
	out      compute.Ref // of the first op, or of what is fused behind it
	count    int         // ops of the program that it covers
	// For few rows of X, parts of a projection:
	take   *compute.TakeRows // rows of X are chosen as they are read
	norm   *rowNorm          // X is normalised as it is read: X is what the norm reads
	whole  *projection       // results go where it says
	qkv    *qkv              // of whole, what takes some of them
	units  *units            // of which some are finished together
	behind behind            // what is done before results are stored, in the place of ops
	conv   *compute.Conv1D   // what the result of one of ops goes through, where every row is its sequence's only one, or none
	// For many rows of X: where the result is left in blocks of bytes by matmul_int8, or in halves in blocks of 8 by matrix units.
	blocks *inBlocks
	halves *inHalves
}

// blocks is the number of blocks of height weight rows of all matrices; a pair is walked together.
func (pl *planner) blocks(f product, height int) int {
	n := 0
	for i, op := range f.ops {
		if !f.pair || i == 0 {
			n += ceilDiv(pl.p.At(op.W).Rows.Fixed, height)
		}
	}
	return n
}

// alignedX reports whether rows of X begin at multiples of 16 bytes. Buffers and scratch do.
func (pl *planner) alignedX(x compute.Ref) bool {
	t := pl.p.At(x)
	return t.Cols%4 == 0 && t.Offset%16 == 0
}

// epilogue are the constants MATS, PAIR, BIAS and RESIDUAL.
func (f product) epilogue() []uint32 {
	mats, bias := uint32(len(f.ops)), uint32(0)
	for i, op := range f.ops {
		bias |= flag(op.Bias != 0) << i
	}
	if f.pair {
		mats = 1
	}
	return []uint32{mats, flag(f.pair), bias, flag(f.residual != 0)}
}

// firstOut is the place of the first result among them.
const firstOut = 1 + 2*maxMats

// matMulArgs is the block of include/matmul.glsl.
func (pl *planner) matMulArgs(f product) ([]Arg, error) {
	var w, bias, out [maxMats]compute.Ref
	var n [maxMats]int
	for i, op := range f.ops {
		w[i], bias[i], out[i], n[i] = op.W, op.Bias, op.Out, pl.p.At(op.W).Rows.Fixed
	}
	if out[0] = f.out; f.pair {
		out[1], n[1] = 0, 0
	} else if f.whole != nil {
		for i, op := range f.ops {
			_, out[i] = f.whole.target(op)
		}
	}
	t := pl.p.At(f.ops[0].W)
	row, err := LayoutOf(t.DType, t.Cols)
	if err != nil {
		return nil, err
	}
	args := []Arg{addr(f.input())}
	for _, list := range [][maxMats]compute.Ref{w, bias, out} {
		for _, r := range list {
			args = append(args, addr(r))
		}
	}
	args = append(append(append(args, addr(f.residual)), codebook(t.DType)...), Arg{Kind: ArgBlock})
	return append(args, rowsArg(pl.p.At(f.ops[0].X).Rows), u32(n[0]), u32(n[1]), u32(n[2]), u32(t.Cols), u32(row.Bytes)), nil
}

// input is what stands for X: that, or what is normalised or chosen from on the way.
func (f product) input() compute.Ref {
	switch {
	case f.take != nil:
		return f.take.X
	case f.norm != nil:
		return f.norm.x
	}
	return f.ops[0].X
}

func (f product) reads() []Access {
	if f.norm != nil {
		return f.readsWith(refs(f.input(), f.norm.weight, f.norm.bias)...)
	}
	return f.readsWith(refs(f.ops[0].X)...)
}

// readsWith are the accesses of a kernel that takes its activations from x.
func (f product) readsWith(x ...Access) []Access {
	a := append(refs(f.residual), x...)
	for _, op := range f.ops {
		a = append(a, refs(op.W, op.Bias)...)
	}
	weight, bias, _, _ := f.behind.rowNorm()
	a = append(a, refs(weight, bias)...)
	a = append(a, refs(f.behind.times(), f.behind.too)...)
	if r := f.behind.route; r != nil {
		a = append(a, refs(r.Bias, r.Scale)...)
	}
	if f.qkv != nil {
		a = append(a, refs(f.qkv.weights()...)...)
	}
	if c := f.conv; c != nil {
		a = append(a, refs(c.W, c.Bias, c.State)...)
	}
	return a
}

// convolves is the place among the matrices of the one whose result goes through conv, or -1.
func (f product) convolves() int {
	return slices.IndexFunc(f.ops, func(m compute.MatMul) bool { return f.conv != nil && m.Out == f.conv.X })
}

func (f product) writes() []Access {
	_, _, beside, _ := f.behind.rowNorm()
	a := refs(f.out, beside)
	if r := f.behind.route; r != nil {
		a = append(a, refs(r.IDs, r.Weights)...)
	}
	if f.conv != nil {
		a = append(a, refs(f.conv.State)...)
	}
	if f.pair {
		return a
	}
	for i, op := range f.ops {
		out := op.Out
		if f.whole != nil {
			var to uint32
			if to, out = f.whole.target(op); to != toOut {
				a = append(a, refs(f.qkv.writes(to)...)...)
			}
		}
		if i > 0 || f.whole != nil && out != f.out {
			a = append(a, refs(out)...)
		}
	}
	return a
}

// name is that of a variant for few rows, with what is done in it.
func (f product) name(module string, cols int) string {
	name := fmt.Sprintf("%s_%d", module, cols)
	if f.take != nil {
		name += "_take"
	}
	if f.norm != nil {
		name += "_norm"
		if f.norm.layer != nil {
			name += "_layer"
		}
	}
	if h := f.qkv; h != nil {
		if h.order != headsPlain || h.vNorm != nil || h.gates != 0 || h.latent != nil {
			name += "_heads"
		}
		if h.rope != nil {
			name += "_rope"
		}
	}
	if f.conv != nil {
		name += "_conv1d"
	}
	return name + strings.ReplaceAll(f.behind.String(), " ", "_")
}
