package kernel

import (
	"slices"

	"tuff/host/compute"
)

// attentionOut is an attention and the multiplication of its result, perhaps with a residual. Where that multiplies bytes or, on matrix
// units, halves, tiles of rows leave their results for it in that form, and in no other.
type attentionOut struct {
	op    compute.Attention
	out   product
	bytes bool // else halves
}

// attentionOutAt finds one that begins at op at and gains by being one group.
func (pl *planner) attentionOutAt(at int) (a attentionOut, ok bool) {
	if a.op, ok = opAt[compute.Attention](pl, at); !ok || !pl.private(a.op.Out) {
		return a, false
	}
	op, ok := pl.matMulAt(at + 1)
	if !ok || op.X != a.op.Out {
		return a, false
	}
	if a.out, ok = pl.withResidual(at + 1); !ok {
		a.out = product{ops: []compute.MatMul{op}, out: op.Out, count: 1}
	}
	m, g := pl.newMatMulPlan(new(Group), a.out), new(Group)
	if m.most <= maxVecRows || !pl.caps.SubgroupArith || pl.attention(g, a.op) != nil {
		return a, false // what few rows run leaves float32
	}
	i := rowTiles(g)
	if i < 0 {
		return a, false
	}
	switch d := g.Dispatches[i]; {
	case d.Module == "attention_prefill":
		a.bytes = true
		return a, m.int8 && a.op.HeadDim >= int8Block && a.op.HeadDimV%int8Block == 0
	default: // between the smallest and the largest value all is well for sums in float32, but too large for those in half precision
		return a, m.top() == coopTop
	}
}

// rowTiles is the place of the dispatch that can leave other forms than float32, or -1.
func rowTiles(g *Group) int {
	return slices.IndexFunc(g.Dispatches, func(d Dispatch) bool {
		return d.Module == "attention_prefill" || d.Module == "attention_coop" || d.Module == "attention_coop_rolled"
	})
}

// attentionOut plans both. Few rows of each of many sequences are many rows of X: they go by way of float32.
func (pl *planner) attentionOut(g *Group, a attentionOut) error {
	if err := pl.attention(g, a.op); err != nil {
		return err
	}
	x, i := a.op.Out, rowTiles(g)
	rows, cols, id := pl.p.At(x).Rows, pl.p.At(x).Cols, len(g.Temps)
	few, d := g.Dispatches[i], &g.Dispatches[i]
	d.Args = slices.Clone(d.Args)
	d.Args[4], d.Writes = temp(id), []Access{{Temp: id}}
	var convert Dispatch
	form := halvesRow
	if a.bytes {
		blocks := scaled(rows, cols/int8Block)
		g.Temps = append(g.Temps, blocksTemp("attention in blocks of bytes", rows, cols))
		d.Module, d.Name, form = "attention_quantize", "attention_quantize", blocksRow
		g.blocks = append(g.blocks, inBlocks{x, maxVecRows + 1, rows.At(pl.most.Sizes()), id})
		convert = pl.quantize(x, id, blocks)
	} else {
		g.Temps = append(g.Temps, halvesTemp(rows, cols))
		d.Name += "_halves"
		d.Spec = slices.Clone(d.Spec)
		d.Spec[len(d.Spec)-1] = 1
		g.halves = append(g.halves, inHalves{x: x, top: coopTop, temp: id})
		convert = pl.toHalves(x, rows, id, coopTop)
	}
	d.Issued = leaves(d.Issued, rows, cols, form)
	many, decode := d.Grid, slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return d.Module == "attention_decode" })
	d.Grid = func(s Shape) [3]uint32 {
		if s.Tokens <= maxVecRows {
			return [3]uint32{}
		}
		return many(s)
	}
	g.nameKernel()
	kernel := g.Kernel
	if decode {
		g.addIf(convert, func(s Shape) bool { return s.Tokens > maxVecRows && !manyRows(s) })
	} else {
		g.addIf(few, func(s Shape) bool { return s.Tokens <= maxVecRows })
	}

	m := pl.newMatMulPlan(g, a.out)
	if err := m.few(); err != nil {
		return err
	}
	if err := m.many(); err != nil {
		return err
	}
	g.Kernel = kernel + " + " + g.Dispatches[len(g.Dispatches)-1].Name
	g.Why = "the result of attention goes on in halves: beyond 8 rows matrix units multiply it"
	if a.bytes {
		g.Why = "the result of attention goes on in bytes: beyond 8 rows packed dot products multiply it"
	}
	g.Why += m.whySums() + g.whyTuned()
	return nil
}
