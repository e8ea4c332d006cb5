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
		Reads: refs(op.X, op.W, op.Bias, op.State), Writes: refs(op.State, op.Out), Issued: pl.conv1dIssued(op)}, "one invocation per element")
}

// ssmScan plans one invocation per channel, which walks the tokens of its sequence.
func (pl *planner) ssmScan(g *Group, op compute.SSMScan) {
	wg := min(64, int(pl.caps.MaxInvocations))
	channels := op.NumHeads * op.HeadDim
	g.add(Dispatch{Module: "ssm_scan", Name: "ssm_scan", Spec: []uint32{uint32(wg), uint32(op.StateSize)},
		Args: []Arg{addr(op.X), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.B), addr(op.C), addr(op.D), addr(op.State), addr(op.Out), stepArg(),
			u32(op.NumHeads), u32(op.HeadDim), u32(op.NumGroups), u32(pl.p.At(op.A).Cols), u32(int(flag(op.D != 0) | flag(op.DTBias != 0)<<1))},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(ceilDiv(channels, wg)), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.DT, op.DTBias, op.A, op.B, op.C, op.D, op.State), Writes: refs(op.State, op.Out), Issued: pl.ssmScanIssued(op, wg)}, "a channel's state stays in registers")
}

// deltaRule plans one invocation per column of a head's state, which walks the tokens of its sequence.
func (pl *planner) deltaRule(g *Group, op compute.DeltaRule) {
	wg := min(64, max(8, (op.ValueDim+7)/8*8), int(pl.caps.MaxInvocations))
	chunks := ceilDiv(op.ValueDim, wg)
	g.add(Dispatch{Module: "delta_rule", Name: "delta_rule", Spec: []uint32{uint32(wg), uint32(op.KeyDim)},
		Args: []Arg{addr(op.X), addr(op.Beta), addr(op.DT), addr(op.DTBias), addr(op.A), addr(op.State), addr(op.Out), stepArg(),
			u32(op.NumHeads), u32(op.NumKeyHeads), u32(op.ValueDim), u32(chunks), u32(int(flag(op.Tiled))), f32(op.Eps)},
		Grid:  func(s Shape) [3]uint32 { return [3]uint32{uint32(op.NumHeads * chunks), uint32(s.Seqs), 1} },
		Reads: refs(op.X, op.Beta, op.DT, op.DTBias, op.A, op.State), Writes: refs(op.State, op.Out), Issued: pl.deltaRuleIssued(op, chunks)}, "a column of a head's state stays in registers")
}

// conv1dIssued: every element's invocation goes through the filter's rows of X, and its weights.
func (pl *planner) conv1dIssued(op compute.Conv1D) issues {
	width := int64(pl.p.At(op.W).Cols)
	return func(s *compute.Step) compute.Cost {
		c, tokens := op.Cost(pl.p, s), int64(len(s.Tokens))
		c.Bytes += (width-1)*pl.tensorBytes(op.X, s) + max(tokens-1, 0)*(pl.tensorBytes(op.W, s)+pl.tensorBytes(op.Bias, s))
		return c
	}
}

// ssmScanIssued: every workgroup of wg channels reads the inputs that its groups share, and its heads' steps.
func (pl *planner) ssmScanIssued(op compute.SSMScan, wg int) issues {
	channels := op.NumHeads * op.HeadDim
	touched := func(each int) (n int64) { // of runs of each channels, by all workgroups
		for at := 0; at < channels; at += wg {
			n += int64((min(at+wg, channels)-1)/each - at/each + 1)
		}
		return n
	}
	groups, heads := touched(channels/op.NumGroups), touched(op.HeadDim)
	return func(s *compute.Step) compute.Cost {
		c, tokens := op.Cost(pl.p, s), int64(len(s.Tokens))
		c.Bytes += 4*tokens*(2*groups*int64(op.StateSize)+heads) - pl.tensorBytes(op.B, s) - pl.tensorBytes(op.C, s) - pl.tensorBytes(op.DT, s)
		return c
	}
}

// deltaRuleIssued: every workgroup reads its head's query and key, which heads and chunks of columns share, and two numbers of the head.
func (pl *planner) deltaRuleIssued(op compute.DeltaRule, chunks int) issues {
	return func(s *compute.Step) compute.Cost {
		c, tokens := op.Cost(pl.p, s), int64(len(s.Tokens))
		c.Bytes += 4 * tokens * (2*int64(op.KeyDim)*int64(op.NumHeads*chunks-op.NumKeyHeads) + 2*int64(op.NumHeads*(chunks-1)))
		return c
	}
}
