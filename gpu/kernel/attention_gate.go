package kernel

import (
	"slices"

	"tuff/host/compute"
)

// Places among the arguments of the attention kernels. Twin: shaders/include/attention_params.glsl.
const (
	attentionOutArg    = 4
	attentionGateArg   = 8
	attentionCountsArg = 9
	attentionFlagsArg  = 17
	attentionGated     = 128 // of the flags
	attentionJoined    = 256
)

// gatedAttentionAt finds an attention whose result the sigmoid of another tensor multiplies, and nothing else takes.
func (pl *planner) gatedAttentionAt(at int) (op compute.Attention, gate compute.Activation, ok bool) {
	op, okOp := opAt[compute.Attention](pl, at)
	gate, okGate := opAt[compute.Activation](pl, at+1)
	ok = okOp && okGate && pl.private(op.Out) && gate.Fn == compute.Sigmoid && gate.Up == op.Out && gate.X != op.Out && !gate.OneRow(pl.p)
	return op, gate, ok
}

// gatedAttention plans both: where sequences have few rows, attention opens or shuts its results itself; beyond, one after the other.
func (pl *planner) gatedAttention(g *Group, op compute.Attention, gate compute.Activation) error {
	if err := pl.attention(g, op); err != nil {
		return err
	}
	few := false
	for i := range g.Dispatches {
		d := &g.Dispatches[i]
		if d.Module != "attention_decode" && d.Module != "attention_combine" {
			continue
		}
		few = true
		d.Args = slices.Clone(d.Args)
		d.Args[attentionOutArg], d.Args[attentionGateArg] = addr(gate.Out), addr(gate.X)
		d.Args[attentionFlagsArg].Value |= attentionGated
		d.Name += "_gated"
		d.Reads = append(d.Reads, refs(gate.X)...)
		if d.Module == "attention_decode" { // whichever of the two has whole results
			alone := d.Issued
			d.Issued = func(s *compute.Step) compute.Cost {
				return alone(s).Add(compute.Cost{Bytes: pl.tensorBytes(gate.X, s), FLOPs: gate.Cost(pl.p, s).FLOPs})
			}
		}
		for j, a := range d.Writes {
			if a.Ref == op.Out {
				d.Writes[j].Ref = gate.Out
			}
		}
	}
	if many := func(s Shape) bool { return !few || manyRows(s) }; !few || pl.mayHaveManyRows() {
		g.addIf(pl.activationDispatch(gate), many)
	}
	g.nameKernel()
	g.Why += "; its gate with it, for more rows behind it"
	return nil
}
