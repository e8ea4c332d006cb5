package kernel

import (
	"slices"

	"tuff/host/compute"
)

// attentionBytes is an attention and the multiplication of its result, perhaps with a residual. Where that multiplies bytes, tiles of
// rows leave their results in blocks of bytes for it, and in no other form.
type attentionBytes struct {
	op  compute.Attention
	out product
}

// attentionBytesAt finds one that begins at op at and gains by being one group.
func (pl *planner) attentionBytesAt(at int) (a attentionBytes, ok bool) {
	if a.op, ok = opAt[compute.Attention](pl, at); !ok || !pl.private(a.op.Out) || a.op.HeadDim < int8Block || a.op.HeadDimV%int8Block != 0 {
		return a, false
	}
	op, ok := pl.matMulAt(at + 1)
	if !ok || op.X != a.op.Out {
		return a, false
	}
	if a.out, ok = pl.withResidual(at + 1); !ok {
		a.out = product{ops: []compute.MatMul{op}, out: op.Out, count: 1}
	}
	m := pl.newMatMulPlan(new(Group), a.out)
	if !m.int8 || m.most <= maxVecRows || !pl.caps.SubgroupArith || pl.o.Variant["attention"] != "" {
		return a, false // what few rows run, and tiles of few rows, leave float32
	}
	g := new(Group)
	if err := pl.attention(g, a.op); err != nil {
		return a, false
	}
	return a, rowTiles(g) >= 0 && slices.ContainsFunc(g.Dispatches, func(d Dispatch) bool { return d.Module == "attention_decode" })
}

// rowTiles is the place of the dispatch that can leave bytes, or -1.
func rowTiles(g *Group) int {
	return slices.IndexFunc(g.Dispatches, func(d Dispatch) bool { return d.Module == "attention_prefill" })
}

// attentionBytes plans both. Few rows of each of many sequences are many rows of X: they go by way of float32.
func (pl *planner) attentionBytes(g *Group, a attentionBytes) error {
	if err := pl.attention(g, a.op); err != nil {
		return err
	}
	x := a.op.Out
	blocks := scaled(pl.p.At(x).Rows, pl.p.At(x).Cols/int8Block)
	g.Temps = append(g.Temps, Temp{Name: "attention in blocks of bytes", Bytes: func(s Shape) int64 {
		return int64(blocks.At(s.Sizes())) * (int8Block + 8)
	}})
	id := len(g.Temps) - 1
	d := &g.Dispatches[rowTiles(g)]
	d.Module, d.Name, d.Writes = "attention_quantize", "attention_quantize", []Access{{Temp: id}}
	d.Args[4] = temp(id)
	g.nameKernel()
	kernel := g.Kernel
	g.addIf(pl.quantize(x, id, blocks), func(s Shape) bool { return s.Tokens > maxVecRows && s.Tokens-s.Seqs+1 <= maxDecodeRows })

	m := pl.newMatMulPlan(g, a.out)
	g.blocks = append(g.blocks, inBlocks{x, maxVecRows + 1, m.most, id})
	if err := m.few(); err != nil {
		return err
	}
	if err := m.many(); err != nil {
		return err
	}
	g.Kernel = kernel + " + " + g.Dispatches[len(g.Dispatches)-1].Name
	g.Why = "the result of attention goes on in bytes: beyond 8 rows packed dot products multiply it"
	return nil
}
