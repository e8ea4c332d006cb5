package kernel

import "tuff/host/compute"

// conv1d plans one invocation per element of the result and of the states.
func (pl *planner) conv1d(g *Group, op compute.Conv1D) {
	cols, width := pl.p.At(op.X).Cols, pl.p.At(op.W).Cols
	wg := min(128, int(pl.caps.MaxInvocations))
	g.add(Dispatch{Module: "conv1d", Name: "conv1d", Spec: []uint32{uint32(wg)},
		Args: []Arg{addr(op.X), addr(op.W), addr(op.Bias), addr(op.State), addr(op.Out), stepArg(), rowsArg(compute.PerToken(1)), {Kind: ArgSeqs},
			u32(cols), u32(width), u32(int(flag(op.Bias != 0) | flag(op.SiLU)<<1))},
		Grid:  func(s Shape) [3]uint32 { return pl.fold(ceilDiv((s.Tokens+s.Seqs*(width-1))*cols, wg)) },
		Reads: refs(op.X, op.W, op.Bias, op.State), Writes: refs(op.State, op.Out)}, "one invocation per element")
}

// ssmScan plans one invocation per channel, which walks the tokens of its sequence.
func (pl *planner) ssmScan(g *Group, op compute.SSMScan) {
	wg := min(64, int(pl.caps.MaxInvocations))
	channels := op.NumHeads * op.HeadDim
	g.add(Dispatch{Module: "ssm_scan", Name: "ssm_scan", Spec: []uint32{uint32(wg), uint32(op.StateSize)},
		Args: []Arg{addr(op.X), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.B), addr(op.C), addr(op.D), addr(op.State), addr(op.Out), stepArg(),
			u32(op.NumHeads), u32(op.HeadDim), u32(op.NumGroups), u32(pl.p.At(op.A).Cols), u32(int(flag(op.D != 0) | flag(op.DTBias != 0)<<1))},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(ceilDiv(channels, wg)), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.DT, op.DTBias, op.A, op.B, op.C, op.D, op.State), Writes: refs(op.State, op.Out)}, "a channel's state stays in registers")
}

// deltaRule plans one invocation per column of a head's state, which walks the tokens of its sequence.
func (pl *planner) deltaRule(g *Group, op compute.DeltaRule) {
	wg := min(64, max(8, (op.ValueDim+7)/8*8), int(pl.caps.MaxInvocations))
	chunks := ceilDiv(op.ValueDim, wg)
	g.add(Dispatch{Module: "delta_rule", Name: "delta_rule", Spec: []uint32{uint32(wg), uint32(op.KeyDim)},
		Args: []Arg{addr(op.X), addr(op.Beta), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.State), addr(op.Out), stepArg(),
			u32(op.NumHeads), u32(op.NumKeyHeads), u32(op.ValueDim), u32(chunks), u32(int(flag(op.Tiled))), f32(op.Eps)},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(op.NumHeads * chunks), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.Beta, op.DT, op.DTBias, op.A, op.State), Writes: refs(op.State, op.Out)}, "a column of a head's state stays in registers")
}
